#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/cli/replay.h"
#include "tools/cli/virtual_server.h"

namespace berth::cli {

/// What the server does: its ledger, with or without its planner, learns what jobs take as it
/// always does.
///
/// A run time that is requested or known is said as the client's estimate, under a name of the
/// job's own, so that nothing learned from others changes it; one that is known is the job's time
/// limit as well, beyond which the ledger never expects it to go on.
class ServerScheduler final : public ReplayScheduler {
 public:
  ServerScheduler(
      std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings);

  void submit(int64_t now_s, size_t job) override;
  void end(int64_t now_s, size_t job) override;
  std::vector<size_t> settle(int64_t now_s) override;
  int64_t next_s(int64_t) const override { return server_.next_s(); }

 private:
  std::span<const LoggedJob> jobs_;
  const Estimates estimates_;
  VirtualServer server_;
  std::vector<size_t> submitted_;  ///< in this order
  std::vector<size_t> number_of_;  ///< the way back
};

}  // namespace berth::cli
