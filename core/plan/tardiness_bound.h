#pragma once

#include <span>
#include <vector>

#include "core/plan/matching.h"
#include "core/plan/problem.h"

namespace berth::core {

/// What tasks that are still to begin will be late by, weighted and summed, at the least.
///
/// The k-th of them to end cannot end before all workers together have done the k least works among
/// them, in each resource. Which of them is the k-th is free, so the cheapest way to give each its
/// place among the ends is a bound: never more than the cost of any schedule.
///
/// Memory   two of the implied resources, and some vectors kept from call to call
/// Time     O(tasks³); beyond `kMatchedMax` tasks it takes the least weight for all of them, which
///          makes the order of deadlines the cheapest
class TardinessBound {
 public:
  static constexpr size_t kMatchedMax = 100;

  struct Waiting {
    uint32_t task = 0;
    Ticks earliest_end = 0;
  };
  struct Running {
    uint32_t task = 0;
    Ticks end = 0;
  };

  /// `shortest`: of each task, on whichever worker is fastest.
  TardinessBound(const Problem& problem, const std::vector<Ticks>& shortest);

  /// `running` began before `now` or at it, and is no part of the sum.
  double operator()(
      Ticks now, std::span<const Waiting> waiting, std::span<const Running> running = {});

 private:
  struct Volume {
    std::vector<double> demand;
    std::vector<double> work;  ///< demand × shortest duration
    std::vector<uint32_t> lightest_first;
    double capacity = 0;  ///< of all workers together
  };

  void find_ends(Ticks now, std::span<const Waiting> waiting, std::span<const Running> running);
  void raise_ends(const Volume& volume, Ticks now);
  double match(std::span<const Waiting> waiting);
  double in_order_of_deadlines(std::span<const Waiting> waiting);

  const Problem& problem_;
  std::vector<Volume> volumes_;
  std::vector<bool> waits_;       ///< each task
  std::vector<Running> running_;  ///< by their ends
  std::vector<double> ends_;      ///< of the k-th to end, at the earliest
  std::vector<double> cost_;
  CheapestMatching cheapest_;
};

}  // namespace berth::core
