#include "net/planner_thread.h"

#include <utility>

#include "net/loop_clock.h"
#include "net/thread_turns.h"

namespace berth::net {
namespace {

// A step is one task tried on one worker: some 20 to 50 ns, with policy fgd 200. So a plan takes
// less than half a second, well before the ledger would go on without it; the rest of a long queue
// is in the next.
constexpr core::Budget kBudget = {.steps = 2'000'000};

// Of the search for a plan of jobs: a few milliseconds.
constexpr uint64_t kStepsPerSlice = 50'000;

}  // namespace

PlannerThread::PlannerThread(const Post& post)
    : LoopThread("planner"), post_(post), rng_(static_cast<uint64_t>(LoopClock::mono().ns)) {}

void PlannerThread::on_start() {
  give_way();  // a plan is a wish, a placement is waited for
  take_short_turns();
  uv_idle_init(loop(), &more_);
  more_.data = this;
}

void PlannerThread::on_letter(Letter&& letter) {
  if (const auto* job = std::get_if<PlanJob>(&letter)) {
    post_.ledger->post(PlanDone{core::make_plan(*job->snapshot, kBudget, rng_)});
  } else if (auto* jobs = std::get_if<PlanJobs>(&letter)) {
    began_ = LoopClock::mono();
    planning_.emplace(std::move(jobs->snapshot));
    uv_idle_start(
        &more_, [](uv_idle_t* idle) { static_cast<PlannerThread*>(idle->data)->search(); });
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

void PlannerThread::search() {
  const bool better = planning_->advance(kStepsPerSlice);
  const core::Duration took = LoopClock::mono() - began_;
  if (better && took < planning_->snapshot().budget) return;
  uv_idle_stop(&more_);
  core::JobPlan plan = planning_->finish();
  plan.elapsed_us = static_cast<uint32_t>((LoopClock::mono() - began_).ns / 1'000);
  planning_.reset();
  post_.ledger->post(JobsPlanned{std::move(plan)});
}

void PlannerThread::on_stop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&more_), nullptr);
}

}  // namespace berth::net
