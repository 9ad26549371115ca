#include "tests/sim/world.h"

#include <cstdio>
#include <utility>

namespace berth::sim {

void World::at(Instant when, std::function<void()> event) {
  events_.push({when < now_ ? now_ : when, order_++, std::move(event)});
}

bool World::run(Instant until) {
  while (failure_.empty() && !events_.empty() && events_.top().when <= until) {
    // top() is const, and what is moved from is popped at once.
    Event event = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = event.when;
    event.run();
  }
  if (failure_.empty()) now_ = until;
  return failure_.empty();
}

void World::say(const std::string& who, const std::string& what) {
  char time[32];
  std::snprintf(time, sizeof time, "[%6lldms] ", static_cast<long long>((now_ - kStart).ms()));
  if (story_.size() >= 2 * kLinesMax) story_.erase(story_.begin(), story_.begin() + kLinesMax);
  story_.push_back(time + who + "  " + what);
}

void World::fail(const std::string& what) {
  if (!failure_.empty()) return;
  failure_ = what;
  say("FAILED", what);
}

void Process::schedule(Duration delay, std::function<void()> event, bool timer) {
  world_.after(delay, [this, life = life_, timer, event = std::move(event)]() mutable {
    arrive(life, std::move(event), timer);
  });
}

void Process::arrive(uint64_t life, std::function<void()> event, bool timer) {
  if (!alive_ || life != life_) return;
  if (frozen_) {
    (timer ? waiting_timers_ : waiting_inputs_).push_back(std::move(event));
  } else {
    event();
  }
}

void Process::end() {
  alive_ = frozen_ = false;
  waiting_timers_.clear();
  waiting_inputs_.clear();
}

void Process::thaw() {
  if (!frozen_) return;
  frozen_ = false;
  auto waiting = std::exchange(waiting_timers_, {});
  for (auto& input : std::exchange(waiting_inputs_, {}))
    waiting.push_back(std::move(input));
  for (auto& event : waiting) {
    // An event may end the process; the rest dies with it.
    if (alive_) event();
  }
}

}  // namespace berth::sim
