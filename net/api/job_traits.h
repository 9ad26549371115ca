#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "net/api/asker.h"

namespace berth::net {

/// What jobs are listed by and their events do not say. An empty text: whatever it is.
struct JobTraits {
  std::string queue;
  std::string tenant;
  std::string name;  ///< or how it begins
  std::string label_key;
  std::string label_value;

  bool wants_all() const { return *this == JobTraits{}; }
  bool are_of(const wire::JobRow& job) const;

  friend bool operator==(const JobTraits&, const JobTraits&) = default;
};

/// Which jobs have the traits that watchers choose by. The ledger is asked once for each job that
/// something happens to, whoever wants to know; what a job is called never changes.
///
/// Shape    a bit for each filter, and a word for each job
/// Threads  the gateway's
/// Memory   the youngest `kJobsMax` jobs, 24 bytes each
/// Errors   a job that the ledger does not have any more has no traits
class TraitBook final : private Peer {
 public:
  static constexpr size_t kFiltersMax = 32;
  static constexpr size_t kJobsMax = 65'536;
  static constexpr size_t kAskedMax = 512;  ///< jobs at once

  /// `on_learnt` is called whenever there is something new to know.
  TraitBook(Asker& asker, std::function<void()> on_learnt)
      : asker_(asker), on_learnt_(std::move(on_learnt)) {}

  struct Filter {
    uint32_t number;
    JobTraits traits;
  };
  /// Lives as long as somebody holds it. Null: so many different ones are held already.
  std::shared_ptr<const Filter> open(const JobTraits& traits);

  enum class Verdict : uint8_t { Has, HasNot, Unknown };
  Verdict of(uint64_t job, const Filter& filter) const;
  /// Asks for what is not known yet, unless too much is asked for already.
  void learn(uint64_t job);

 private:
  // Peer
  void on_reply(wire::RequestId request, const wire::Reply& reply) override;
  void on_ended() override;

  uint32_t bits_of(const wire::JobRow& job) const;
  void keep(uint64_t job, uint32_t bits);

  Asker& asker_;
  const std::function<void()> on_learnt_;
  std::array<std::weak_ptr<const Filter>, kFiltersMax> filters_;
  absl::flat_hash_map<uint64_t, uint32_t> known_;
  std::deque<uint64_t> kept_;                       ///< oldest first
  absl::flat_hash_map<uint32_t, uint64_t> asked_;   ///< request → job
  absl::flat_hash_map<uint64_t, uint32_t> asking_;  ///< job → request
  uint32_t last_request_ = 0;
};

}  // namespace berth::net
