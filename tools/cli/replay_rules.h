#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/predictor.h"
#include "core/plan/problem.h"
#include "tools/cli/replay.h"

namespace berth::cli {

/// The usual rules of a queue, to compare with: in order, with backfill, the shortest first of
/// that.
class RuleScheduler final : public ReplayScheduler {
 public:
  RuleScheduler(
      std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings);

  void submit(int64_t now_s, size_t job) override;
  void end(int64_t now_s, size_t job) override;
  std::vector<size_t> settle(int64_t now_s) override;

 private:
  struct Running {
    size_t job;
    int64_t since_s;
  };
  double estimate_s(const LoggedJob& job, double so_far_s) const;
  core::Ticks left(int64_t now_s, const Running& one) const;
  void describe(int64_t now_s);
  std::vector<uint32_t> choose() const;

  std::span<const LoggedJob> jobs_;
  const ReplaySettings settings_;
  core::Predictor predictor_;
  core::Problem problem_;
  std::vector<size_t> queue_;  ///< in the order of arrival
  std::vector<Running> running_;
};

}  // namespace berth::cli
