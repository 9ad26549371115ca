#include "core/placement/search.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "core/placement/best_fit.h"

namespace berth::core {

namespace {

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);
static_assert(kResourceCount == 5 && kSlots == 0, "wants_one_slot_only names them all");

/// Scattering chooses among so many, if their load is within 5 % of the lowest.
constexpr size_t kScatterChoices = 3;

/// A bound is tightened by one in so many searches that went past so many rows without reaching it:
/// by no more, as those that look for few of a bucket's rows may never reach it.
constexpr uint32_t kLongWalk = 64;
constexpr uint32_t kWalksPerTightening = 8;

bool wants_one_slot_only(const Query& query) {
  const NodeDemand& demand = query.demand;
  const Amounts& amounts = demand.amounts;
  bool one_slot = amounts[kSlots] == 1 && (amounts[1] | amounts[2] | amounts[3] | amounts[4]) == 0;
  return one_slot && demand.gpu_count == 0 && demand.custom.empty() && query.exclude.empty();
}

/// The labels of a row with this key; a row being changed may show some of the old and some of the
/// new.
template <typename Visit>
void each_label(const Segment& segment, uint32_t row, const Names& names, NameId key, Visit visit) {
  uint32_t words[RowNames::kWords];
  RowNames::copy_out(segment.names[row], segment.names_tail[row], words, 0, 2);
  uint32_t tags = std::min(words[0], kTagsPerWorkerMax);
  uint32_t labels = std::min(words[1], kLabelsPerWorkerMax);
  RowNames::copy_out(segment.names[row], segment.names_tail[row], words, 2, tags + labels);
  for (uint32_t i = 0; i < labels; ++i) {
    NameId label{words[2 + tags + i]};
    if (label.value != 0 && names.label_key(label) == key) visit(label);
  }
}

}  // namespace

bool has_label_key(const Segment& segment, uint32_t row, const Names& names, NameId key) {
  bool found = false;
  each_label(segment, row, names, key, [&](NameId) { found = true; });
  return found;
}

bool is_excluded(const Segment& segment, uint32_t row, const Query& query) {
  if (query.exclude.empty()) return false;
  RowText text;
  text.load(segment.text[row], segment.text_tail[row], RowText::kAddress);
  return std::find(query.exclude.begin(), query.exclude.end(), text.id()) != query.exclude.end();
}

Search::Search(const Fleet& fleet, const Names& names, uint32_t start, bool scatter, uint64_t seed)
    : fleet_(fleet), names_(names), start_(start), scatter_(scatter), rng_(seed) {}

Choice Search::choose(
    const Query& query, const TypicalTasks& typical, const std::vector<WorkerIndex>& skip) {
  Request request{query, typical, skip, wants_one_slot_only(query) && skip.empty()};
  prepare(query);
  return query.spread ? least_loaded_value(request) : choose_among(request);
}

Choice Search::choose_among(const Request& request) {
  switch (request.query.policy) {
    case wire::Policy::LeastLoaded: return scatter_ ? scattered(request) : least_loaded(request);
    case wire::Policy::Pack: return most_loaded(request);
    case wire::Policy::BestFit:
    case wire::Policy::Fgd:
    case wire::Policy::Spread: break;
  }
  return best_score(request);
}

void Search::prepare(const Query& query) {
  matches_ = &cache_.find(query);
  uint32_t count = fleet_.segment_count();
  if (parts_.size() == count) return;  // segments never move; only `narrow` leaves some out
  parts_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t at = start_ + i < count ? start_ + i : (start_ + i) % count;
    parts_.push_back({&fleet_.segment(at), at});
  }
}

/// Drops the segments without a match: worth its while once a first bucket had none. False: all.
bool Search::narrow() {
  std::erase_if(parts_, [this](const Part& part) {
    return matches_->of(*part.segment, part.index).summary == 0;
  });
  return !parts_.empty();
}

bool Search::is_out(const Request& request, const Part& part, uint32_t row) {
  if (request.any_slot_fits) return false;
  if (!Fleet::fits(*part.segment, row, request.query.demand)) return true;
  bool skipped =
      std::find(request.skip.begin(), request.skip.end(), part.worker(row)) != request.skip.end();
  return skipped || is_excluded(*part.segment, row, request.query);
}

uint32_t Search::next_bucket(uint32_t from, uint32_t end) const {
  uint32_t next = end;
  for (const Part& part : parts_) {
    if (next <= from) break;
    next = part.segment->load.next_occupied(from, next);
  }
  return next;
}

uint32_t Search::previous_bucket(uint32_t from, uint32_t begin) const {
  uint32_t previous = UINT32_MAX;
  for (const Part& part : parts_) {
    uint32_t floor = previous == UINT32_MAX ? begin : previous;
    uint32_t found = part.segment->load.previous_occupied(from, floor);
    if (found != UINT32_MAX) previous = found;
  }
  return previous;
}

/// Calls `visit(part, row)` for rows of `among` that match, until it answers true.
template <typename Visit>
bool Search::each_among(const Part& part, const RowSet& among, Visit visit) {
  uint64_t wanted = among.summary.load(std::memory_order_acquire);
  if (wanted == 0) return false;
  const SegmentMatches& matches = matches_->of(*part.segment, part.index);
  for (uint64_t words = matches.summary & wanted; words != 0; words &= words - 1) {
    auto at = static_cast<uint32_t>(std::countr_zero(words));
    for (uint64_t hits = matches.words[at] & among.word(at); hits != 0; hits &= hits - 1) {
      uint32_t row = at * 64 + static_cast<uint32_t>(std::countr_zero(hits));
      if (visit(part, row)) return true;
    }
  }
  return false;
}

template <typename Visit>
void Search::each_in_bucket(uint32_t bucket, Visit visit) {
  for (const Part& part : parts_) {
    if (each_among(part, part.segment->load.buckets[bucket], visit)) return;
  }
}

Search::Best Search::lowest_in(const Request& request, uint32_t bucket) {
  Best best;
  for (const Part& part : parts_) {
    // No key of this segment's bucket is below its bound: a segment that cannot win is not even
    // looked at, and a row that reaches the bound ends the search of its segment.
    const LoadIndex& load = part.segment->load;
    LoadKey bound = load.lower_bound(bucket);
    if (best.found && bound >= best.key) continue;
    uint32_t walked = 0;
    bool reached = each_among(part, load.buckets[bucket], [&](const Part& in, uint32_t row) {
      ++walked;
      LoadKey key = load.key(row);
      if ((best.found && key >= best.key) || is_out(request, in, row)) return false;
      best = {true, in.worker(row), key};
      return key <= bound;
    });
    bool long_walk = !reached && walked > kLongWalk;
    if (long_walk && ++long_walks_ % kWalksPerTightening == 0) load.tighten(bucket);
  }
  return best;
}

Choice Search::least_loaded(const Request& request) {
  uint32_t first = next_bucket(0, kBuckets);
  for (uint32_t bucket = first; bucket < kBuckets; bucket = next_bucket(bucket + 1, kBuckets)) {
    Best best = lowest_in(request, bucket);
    if (best.found) return {true, best.worker, false, 0};
    if (bucket == first && !narrow()) break;
  }
  return {};
}

Search::Best Search::highest_in(const Request& request, uint32_t bucket) {
  Best best;
  each_in_bucket(bucket, [&](const Part& part, uint32_t row) {
    LoadKey key = part.segment->load.key(row);
    if (best.found && key <= best.key) return false;
    if (!is_out(request, part, row)) best = {true, part.worker(row), key};
    return false;
  });
  return best;
}

Choice Search::most_loaded(const Request& request) {
  for (auto [begin, end] : {std::pair{0u, kLoadBuckets}, std::pair{kLoadBuckets, kBuckets}}) {
    for (uint32_t bucket = previous_bucket(end, begin); bucket != UINT32_MAX;
         bucket = bucket == begin ? UINT32_MAX : previous_bucket(bucket, begin)) {
      Best best = highest_in(request, bucket);
      if (best.found) return {true, best.worker, false, 0};
    }
  }
  return {};
}

Choice Search::scattered(const Request& request) {
  std::vector<Best> best;
  for (auto [begin, end] : {std::pair{0u, kLoadBuckets}, std::pair{kLoadBuckets, kBuckets}}) {
    auto limit = [&] {
      return best[0].key + best[0].key / 20;
    };
    for (uint32_t bucket = next_bucket(begin, end); bucket < end;
         bucket = next_bucket(bucket + 1, end)) {
      if (!best.empty() && (bucket % kLoadBuckets) << 24 > limit()) break;
      each_in_bucket(bucket, [&](const Part& part, uint32_t row) {
        Best seen{true, part.worker(row), part.segment->load.key(row)};
        bool better = best.size() < kScatterChoices || seen.key < best.back().key;
        if (!better || is_out(request, part, row)) return false;
        auto at =
            std::upper_bound(best.begin(), best.end(), seen, [](const Best& a, const Best& b) {
              return a.key < b.key;
            });
        best.insert(at, seen);
        if (best.size() > kScatterChoices) best.pop_back();
        return false;
      });
    }
    if (best.empty()) continue;
    while (best.back().key > limit())
      best.pop_back();
    return {true, best[rng_.below(best.size())].worker, false, 0};
  }
  return {};
}

/// Calls `visit(part, row)` for every placeable row that matches and fits.
template <typename Visit>
void Search::each_match(const Request& request, Visit visit) {
  for (const Part& part : parts_) {
    each_among(part, part.segment->placeable, [&](const Part& in, uint32_t row) {
      if (!is_out(request, in, row)) visit(in, row);
      return false;
    });
  }
}

/// A policy's opinion of a worker that fits: lower is better.
ScoredGpus Search::score_of(const NodeState& node, const Query& query) {
  switch (query.policy) {
    case wire::Policy::Fgd: return scores_.fgd(node);
    case wire::Policy::Spread:
      return {static_cast<double>(node.capacity[kSlots] - node.free[kSlots]), 0};
    case wire::Policy::BestFit:
    case wire::Policy::LeastLoaded:
    case wire::Policy::Pack: break;
  }
  return {best_fit_leftover(node, query.demand), 0};
}

Choice Search::best_score(const Request& request) {
  if (request.query.policy == wire::Policy::Fgd) {
    scores_.begin(request.query.demand, request.typical);
  }
  Choice best;
  double best_value = std::numeric_limits<double>::infinity();
  bool best_suspicious = true;
  each_match(request, [&](const Part& part, uint32_t row) {
    NodeState node;
    uint32_t flags = 0;
    uint32_t generation = 0;
    if (!fleet_.read_node(part.worker(row), node, flags, generation)) return;
    bool suspicious = (flags & kSuspicious) != 0;
    if (suspicious && best.found && !best_suspicious) return;
    if (misfit(node, request.query.demand) != Misfit::None) return;
    ScoredGpus score = score_of(node, request.query);
    if (best.found && best_suspicious == suspicious && score.score >= best_value) return;
    best = {true, part.worker(row), score.gpus != 0, score.gpus};
    best_value = score.score;
    best_suspicious = suspicious;
  });
  return best;
}

Choice Search::least_loaded_value(const Request& request) {
  struct Value {
    NameId label;
    int64_t used = 0;
    int64_t slots = 0;
    bool fits = false;
  };
  std::vector<Value> values;
  absl::flat_hash_map<uint32_t, size_t> at_of;
  Request anyone{request.query, request.typical, request.skip, true};
  // Rows come from the table here and not from the load index, so that full ones are among them.
  Request exact{request.query, request.typical, request.skip, false};
  each_match(anyone, [&](const Part& part, uint32_t row) {
    const Segment& segment = *part.segment;
    int32_t capacity = segment.rows[row].capacity[kSlots].load(std::memory_order_acquire);
    int32_t free = segment.rows[row].free[kSlots].load(std::memory_order_acquire);
    bool fits = !is_out(exact, part, row);
    each_label(segment, row, names_, request.query.spread_by, [&](NameId label) {
      auto [entry, fresh] = at_of.try_emplace(label.value, values.size());
      if (fresh) values.push_back({label});
      Value& value = values[entry->second];
      value.slots += capacity;
      value.used += capacity - free;
      value.fits = value.fits || fits;
    });
  });
  std::erase_if(values, [](const Value& value) { return !value.fits; });
  if (values.empty()) return {};
  auto least = std::min_element(values.begin(), values.end(), [](const Value& a, const Value& b) {
    return a.used * b.slots < b.used * a.slots;
  });
  Query narrowed = request.query;
  narrowed.all.push_back(least->label);
  prepare(narrowed);
  return choose_among({narrowed, request.typical, request.skip, false});
}

}  // namespace berth::core
