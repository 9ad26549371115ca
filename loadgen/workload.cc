#include "loadgen/workload.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "core/base/rng.h"

namespace berth::loadgen {
namespace {

template <typename... Arguments>
std::string print(const char* format, Arguments... arguments) {
  char text[128];
  int bytes = std::snprintf(text, sizeof text, format, arguments...);
  return {text, static_cast<size_t>(bytes)};
}

// The other tag of a pair: tags 2n and 2n + 1 belong together.
uint32_t partner(uint32_t tag) {
  return tag ^ 1u;
}

bool holds(const WorkerProfile& worker, uint32_t tag) {
  return std::find(worker.tags.begin(), worker.tags.end(), tag) != worker.tags.end();
}

}  // namespace

Workload::Workload(const WorkloadOptions& options) : options_(options) {
  core::Rng rng(options.seed);
  id_prefix_ = print("lg-%08x-", static_cast<unsigned>(rng.next() >> 32));
  for (uint32_t tag = 0; tag < options.tags; ++tag)
    tag_names_.push_back(print("tag-%05u", tag));
  workers_.resize(options.workers);
  for (uint32_t i = 0; i < options.workers; ++i) {
    workers_[i].id = id_prefix_ + print("%06u", i);
    workers_[i].address = print("10.%u.%u.%u:7650", i >> 16 & 255, i >> 8 & 255, i & 255);
    workers_[i].current_tasks = static_cast<int64_t>(rng.below(std::max(1u, options.slots / 2)));
  }
  deal_pairs();
  fill_up();
}

void Workload::deal_pairs() {
  double exact = options_.match * options_.workers;
  matching_ = static_cast<uint32_t>(std::lround(exact));
  // As many pairs as the tags make and as find room: each takes two places on `matching_` workers,
  // and about half of the places are left to be filled with single tags.
  uint64_t room = uint64_t{options_.workers} * std::max(1u, options_.tags_per_worker / 4);
  uint64_t pairs = options_.tags / 2;
  if (matching_ > 0) pairs = std::min<uint64_t>(pairs, room / matching_);
  for (uint32_t pair = 0; pair < pairs; ++pair)
    queries_.push_back({2 * pair, 2 * pair + 1});

  std::vector<uint32_t> ring(options_.workers);
  std::iota(ring.begin(), ring.end(), 0u);
  core::Rng rng(options_.seed ^ 0xDEA1);
  for (size_t i = ring.size(); i > 1; --i)
    std::swap(ring[i - 1], ring[rng.below(i)]);

  // Dealing on round the ring gives no worker more than one pair above any other.
  size_t at = 0;
  for (const TagPair& pair : queries_) {
    for (uint32_t dealt = 0; dealt < matching_; ++dealt) {
      std::vector<uint32_t>& tags = workers_[ring[at++ % ring.size()]].tags;
      tags.insert(tags.end(), {pair.first, pair.second});
    }
  }
}

void Workload::fill_up() {
  core::Rng rng(options_.seed ^ 0xF111);
  for (WorkerProfile& worker : workers_) {
    // From a random tag on, the next ones that complete no pair: at most one turn round all tags.
    uint32_t tag = static_cast<uint32_t>(rng.below(options_.tags));
    for (uint32_t tried = 0; tried < options_.tags; ++tried, tag = (tag + 1) % options_.tags) {
      if (worker.tags.size() >= options_.tags_per_worker) break;
      if (!holds(worker, tag) && !holds(worker, partner(tag))) worker.tags.push_back(tag);
    }
    std::sort(worker.tags.begin(), worker.tags.end());
  }
}

std::string check(const WorkloadOptions& options) {
  if (options.workers > 999'999) {
    return print("--workers is %u: give 0 to 999999", options.workers);
  }
  if (options.tags < 2 || options.tags > 60'000) {
    return print("--tags is %u: give 2 to 60000", options.tags);
  }
  if (options.tags_per_worker < 2 || options.tags_per_worker > std::min(options.tags, 64u)) {
    return print(
        "--tags-per-worker is %u: give 2 to 64 and at most --tags", options.tags_per_worker);
  }
  if (!(options.match >= 0 && options.match <= 1)) {
    return print("--match is %g: give a fraction from 0 to 1", options.match);
  }
  if (options.slots < 1 || options.slots > 65'535) {
    return print("--slots is %u: give 1 to 65535", options.slots);
  }
  return {};
}

}  // namespace berth::loadgen
