#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "net/api/asker.h"

namespace berth::net {

/// Workers that speak HTTP: whatever connection a request of theirs comes on, each of them is one
/// session with the shard that owns its row and with the ledger. They pull, and their leases are
/// those of everybody else.
///
/// Shape    a Peer for each worker, by id; life and sequence of its beats are kept here
/// Threads  the gateway's
/// Memory   `kWorkersMax` sessions; one is forgotten with its worker
/// Errors   answers as the wire has them: a worker that never beat is `Refused` NotFound
class HttpWorkers {
 public:
  static constexpr size_t kWorkersMax = 100'000;

  explicit HttpWorkers(Asker& asker);
  ~HttpWorkers();

  /// What it says of itself. Its first beat, and one that changes anything, carries the profile.
  struct Beat {
    std::string_view worker;
    bool has_profile = true;
    std::string_view address;
    wire::TextList tags;
    std::span<const wire::Label> labels;
    wire::Capacity capacity;
    int64_t current_tasks = 0;
    wire::Usage usage;
    core::Duration offline_after;  ///< of this API's workers; 0: the server's own
  };
  void beat(core::Now now, const Beat& beat, Then then);

  /// On its session; attached as a worker that pulls before the first NextJobs or Report. One that
  /// is not known is refused.
  void ask(std::string_view worker, const wire::Request& request, Then then);

  /// Assignments of jobs that it was told to stop and has not been told of yet.
  std::vector<wire::AssignmentId> take_stops(std::string_view worker);

  /// When it was last heard of; false: it never came this way.
  bool heard(std::string_view worker, core::Instant& at) const;

  void on_tick(core::Now now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
