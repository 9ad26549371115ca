#pragma once

#include <list>
#include <optional>
#include <set>

#include "agent/job_request_ids.h"
#include "agent/job_session.h"

namespace berth::agent {

/// Who waits for a piece of output.
///
/// Output that is not there yet is looked at every 100 ms while somebody waits for it, and not at
/// all otherwise.
///
/// Threads  one
/// Memory   `kWaitsMax` that wait; `kPiecesMax` pieces under way, each of at most 64 KiB: further
///          ones are read when the server has taken those
class LogWaits {
 public:
  static constexpr size_t kWaitsMax = 1'024;
  static constexpr size_t kPiecesMax = 16;

  void add(core::Instant now, const wire::WantLog& want, JobRequestIds& ids, JobEffects& effects);
  /// What was read for `want`.
  void on_output(
      core::Instant now,
      const wire::WantLog& want,
      OutputPiece&& piece,
      JobRequestIds& ids,
      JobEffects& effects);
  /// Whether `id` was that of a piece, which is answered now.
  bool on_answer(wire::RequestId id) { return unanswered_.erase(id) > 0; }

  void on_timer(core::Instant now, JobEffects& effects);
  std::optional<core::Instant> deadline() const;
  /// The connection is gone, and who waits with it.
  void clear();

 private:
  struct Wait {
    wire::WantLog want;
    core::Instant until;
    std::optional<core::Instant> look_at;  ///< none: it is being read
  };

  bool has_room() const { return reading_ + unanswered_.size() < kPiecesMax; }

  std::list<Wait> waits_;
  size_t reading_ = 0;
  std::set<wire::RequestId> unanswered_;
};

}  // namespace berth::agent
