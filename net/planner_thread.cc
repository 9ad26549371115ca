#include "net/planner_thread.h"

#include "net/loop_clock.h"

namespace berth::net {
namespace {

// A step is one task tried on one worker: some 20 to 50 ns, with policy fgd 200. So a plan takes
// less than half a second, well before the ledger would go on without it; the rest of a long queue
// is in the next.
constexpr core::Budget kBudget = {.steps = 2'000'000};

}  // namespace

PlannerThread::PlannerThread(const Post& post)
    : LoopThread("planner"), post_(post), rng_(static_cast<uint64_t>(LoopClock::mono().ns)) {}

void PlannerThread::on_letter(Letter&& letter) {
  if (const auto* job = std::get_if<PlanJob>(&letter)) {
    post_.ledger->post(PlanDone{core::make_plan(*job->snapshot, kBudget, rng_)});
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

}  // namespace berth::net
