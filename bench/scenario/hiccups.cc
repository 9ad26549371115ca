// What the machine itself does to a tail: one thread on each core reads the clock all the time, and
// where two readings lie apart, something else had the core. Prints how long a request that needs
// every core, as one between a busy generator and a busy server does, would wait for that alone,
// as one JSON object.
//
//   hiccups SECONDS
//
// Source: G. Tene, jHiccup, https://github.com/giltene/jHiccup; here without sleeping, since
// a loaded server and its generator do not sleep either.

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// Shorter ones are interrupts, which every request meets.
constexpr double kShortestUs = 20;

void spin(unsigned core, Clock::time_point end, std::vector<double>& gaps_us) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
  for (Clock::time_point last = Clock::now(); last < end;) {
    const Clock::time_point now = Clock::now();
    const double gap = std::chrono::duration<double, std::micro>(now - last).count();
    if (gap >= kShortestUs) gaps_us.push_back(gap);
    last = now;
  }
}

/// The share of all moments at which the rest of a gap is longer than `wait_us`.
double share_waiting_longer(const std::vector<double>& gaps_us, double wait_us, double total_us) {
  double sum = 0;
  for (const double gap : gaps_us)
    sum += std::max(0.0, gap - wait_us);
  return sum / total_us;
}

double quantile_us(const std::vector<double>& gaps_us, double quantile, double total_us) {
  double low = 0;
  double high = 1e7;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    const bool longer = share_waiting_longer(gaps_us, middle, total_us) > 1 - quantile;
    (longer ? low : high) = middle;
  }
  return high;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc == 2 ? std::atof(argv[1]) : 0;
  if (!(seconds > 0 && seconds <= 3600)) {
    std::fprintf(stderr, "usage: hiccups SECONDS\n");
    return 2;
  }
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const auto end = Clock::now() + std::chrono::microseconds(static_cast<int64_t>(seconds * 1e6));
  std::vector<std::vector<double>> gaps(cores);
  std::vector<std::thread> threads;
  for (unsigned core = 0; core < cores; ++core)
    threads.emplace_back(spin, core, end, std::ref(gaps[core]));
  for (std::thread& thread : threads)
    thread.join();

  std::vector<double> all;
  for (const std::vector<double>& of_core : gaps)
    all.insert(all.end(), of_core.begin(), of_core.end());
  const double total_us = seconds * 1e6;
  const double max = all.empty() ? 0 : *std::max_element(all.begin(), all.end());
  std::printf(
      "{\"scenario\":\"hiccups\",\"seconds\":%g,\"cores\":%u,\"latency_us\":{\"p99\":%.1f,"
      "\"p999\":%.1f,\"max\":%.1f}}\n",
      seconds,
      cores,
      quantile_us(all, 0.99, total_us),
      quantile_us(all, 0.999, total_us),
      max);
  return 0;
}
