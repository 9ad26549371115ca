#include "net/gateway/stream_pace.h"

#include <algorithm>
#include <ctime>

#include "net/thread_turns.h"

namespace berth::net {

core::Duration StreamPace::thread_core_time() {
  timespec time = {};
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);  // of ourselves there always is one
  return core::Duration::seconds(time.tv_sec) + core::Duration{time.tv_nsec};
}

StreamPace::Work::Work(StreamPace& pace) : pace_(pace) {
  if (pace_.working_++ == 0) begun_ = pace_.core_time_();
}

StreamPace::Work::~Work() {
  if (--pace_.working_ == 0) pace_.worked_ = pace_.worked_ + (pace_.core_time_() - begun_);
}

void StreamPace::on_turn_end(core::Instant now) {
  settle(now);
  if (waiting_.empty() || now < due_) return;
  PacedStream* next = waiting_.front();
  waiting_.pop_front();
  {
    const Work work(*this);
    next->next_piece();
  }
  settle(now);
  let_others_go();
}

void StreamPace::settle(core::Instant now) {
  due_ = std::max(due_, now - kAhead) + worked_ * kCorePart;
  worked_ = {};
}

}  // namespace berth::net
