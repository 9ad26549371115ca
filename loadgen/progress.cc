#include "loadgen/progress.h"

#include <unistd.h>

#include <cstdio>
#include <limits>

namespace berth::loadgen {

Progress::Progress(LinkLoop& loop, std::string what, std::function<uint64_t()> count)
    : loop_(loop),
      what_(std::move(what)),
      count_(std::move(count)),
      on_terminal_(::isatty(STDERR_FILENO) == 1),
      start_(LinkLoop::now()),
      last_(start_),
      last_count_(count_()) {
  loop_.add(*this);
}

Progress::~Progress() {
  loop_.remove(*this);
  if (on_terminal_) std::fprintf(stderr, "\r\033[K");
}

core::Instant Progress::on_turn(core::Instant now) {
  constexpr core::Duration kPace = core::Duration::seconds(1);
  if (!on_terminal_) return {std::numeric_limits<int64_t>::max()};
  if (now < last_ + kPace) return last_ + kPace;
  uint64_t count = count_();
  double seconds = static_cast<double>((now - last_).ns) / 1e9;
  std::fprintf(
      stderr,
      "\r\033[K%5.1f s  %llu %s  %.0f/s",
      static_cast<double>((now - start_).ns) / 1e9,
      static_cast<unsigned long long>(count),
      what_.c_str(),
      static_cast<double>(count - last_count_) / seconds);
  last_ = now;
  last_count_ = count;
  return now + kPace;
}

}  // namespace berth::loadgen
