#include "net/thread_turns.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include <uv.h>

namespace berth::net {
namespace {

constexpr int kGoesFirst = -10;
constexpr int kGivesWay = 10;
constexpr uint64_t kWaitPerWork = 8;        // of who offers its core: about its share
constexpr uint64_t kShortTurnNs = 100'000;  // the shortest there is; others have about 3 ms

/// `struct sched_attr` of the kernel, whose header does not go together with <sched.h>.
struct SchedAttr {
  uint32_t size = sizeof(SchedAttr);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};
static_assert(sizeof(SchedAttr) == 48, "its first version");

}  // namespace

// Linux has a priority for each thread, and `nice` changes that of the caller.
void go_first() {
  (void)!nice(kGoesFirst);
}

void give_way() {
  (void)!nice(kGivesWay);
}

void let_others_go() {
  static thread_local uint64_t kept_until_ns = 0;
  const uint64_t from_ns = uv_hrtime();
  if (from_ns < kept_until_ns) return;
  sched_yield();
  const uint64_t now_ns = uv_hrtime();
  kept_until_ns = now_ns + (now_ns - from_ns) / kWaitPerWork;
}

void take_short_turns() {
  if (sched_getscheduler(0) != SCHED_OTHER) return;  // somebody has chosen for us
  SchedAttr wanted;
  wanted.nice = getpriority(PRIO_PROCESS, 0);
  wanted.runtime = kShortTurnNs;
  (void)syscall(SYS_sched_setattr, 0, &wanted, 0);
}

}  // namespace berth::net
