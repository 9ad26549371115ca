#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "net/api/asker.h"

namespace berth::net {

/// Workers that speak HTTP: whatever connection a request of theirs comes on, each of them is one
/// session with the ledger. They pull, and their leases are those of everybody else.
///
/// What such a worker beats, places and looks up needs no session: its own exchange asks that.
///
/// Shape    a Peer for each worker, by id; the output that came with results, the newest of it
/// Threads  the gateway's
/// Memory   `kWorkersMax` sessions, ended when they have not been used for long; `kOutputBytesMax`
/// Errors   answers as the wire has them
class HttpWorkers {
 public:
  static constexpr size_t kWorkersMax = 100'000;
  static constexpr size_t kOutputBytesMax = 64u << 20;
  static constexpr size_t kStreamBytesMax = 1u << 20;  ///< of one output; the rest is cut off

  explicit HttpWorkers(Asker& asker);
  ~HttpWorkers();

  /// What a worker attaches with.
  struct Terms {
    core::Duration offline_after;        ///< 0: the server's own
    std::optional<uint64_t> nonce = {};  ///< not given: that of before
    /// The leases that it holds; not given: those that the ledger knows of.
    std::optional<std::span<const wire::AssignmentId>> running = {};
  };
  /// Sees to it that the worker is attached: `then` gets Attached, at once if it is already and the
  /// terms bring nothing new, or Refused.
  void join(std::string_view worker, const Terms& terms, Then then);

  /// NextJobs or Report, on the session of a worker that has joined.
  void ask(std::string_view worker, const wire::Request& request, Then then);

  /// Assignments that it was told to stop; `take`: and is being told so now.
  std::vector<wire::AssignmentId> stops(std::string_view worker) const;
  std::vector<wire::AssignmentId> take_stops(std::string_view worker);

  /// Output of an attempt that has ended: whoever asks the worker for it gets it from here.
  void keep_output(
      wire::AssignmentId assignment, std::string_view stdout_text, std::string_view stderr_text);

  void on_tick(core::Now now);
  size_t sessions() const;

 private:
  struct State;
  class Session;
  std::unique_ptr<State> state_;
};

}  // namespace berth::net
