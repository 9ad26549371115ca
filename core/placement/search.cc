#include "core/placement/search.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "core/placement/best_fit.h"

namespace berth::core {

namespace {

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

/// After so many words of a segment it pays to compute the others all at once: either there is no
/// match at all, or they are few.
constexpr uint32_t kWordsOneByOne = 4;

/// Scattering chooses among so many, if their load is within 5 % of the lowest.
constexpr size_t kScatterChoices = 3;

bool wants_one_slot_only(const Query& query) {
  const NodeDemand& demand = query.demand;
  return demand.amounts == Amounts{1, 0, 0, 0, 0} && demand.gpu_count == 0 &&
         demand.custom.empty() && query.exclude.empty();
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
  count_ = fleet_.segment_count();
  if (segments_.size() < count_) segments_.resize(count_);
  for (uint32_t i = 0; i < count_; ++i) {
    uint32_t at = start_ + i < count_ ? start_ + i : (start_ + i) % count_;
    segments_[i].reset(fleet_.segment(at), at, query);
  }
}

bool Search::is_out(const Request& request, const Candidates& candidates, uint32_t row) const {
  if (request.any_slot_fits) return false;
  if (!Fleet::fits(candidates.segment(), row, request.query.demand)) return true;
  if (!request.skip.empty() &&
      std::find(request.skip.begin(), request.skip.end(), candidates.worker(row)) !=
          request.skip.end()) {
    return true;
  }
  return is_excluded(candidates.segment(), row, request.query);
}

uint32_t Search::next_bucket(uint32_t from, uint32_t end) const {
  uint32_t next = end;
  for (uint32_t i = 0; i < count_ && next > from; ++i) {
    if (!segments_[i].is_empty()) next = segments_[i].segment().load.next_occupied(from, next);
  }
  return next;
}

uint32_t Search::previous_bucket(uint32_t from, uint32_t begin) const {
  uint32_t previous = UINT32_MAX;
  for (uint32_t i = 0; i < count_; ++i) {
    if (segments_[i].is_empty()) continue;
    uint32_t floor = previous == UINT32_MAX ? begin : previous;
    uint32_t found = segments_[i].segment().load.previous_occupied(from, floor);
    if (found != UINT32_MAX) previous = found;
  }
  return previous;
}

/// Calls `visit(candidates, row)` for rows of `among` that match, until it answers true.
template <typename Visit>
bool Search::each_among(Candidates& candidates, const RowSet& among, Visit visit) {
  uint64_t wanted = among.summary.load(std::memory_order_acquire);
  uint64_t words = wanted == 0 ? 0 : candidates.summary() & wanted;
  for (uint32_t seen = 0; words != 0; ++seen) {
    if (seen == kWordsOneByOne && !candidates.is_computed()) {
      candidates.compute();
      words &= candidates.summary();
      if (words == 0) return false;
    }
    auto at = static_cast<uint32_t>(std::countr_zero(words));
    words &= words - 1;
    for (uint64_t hits = candidates.matches(at) & among.word(at); hits != 0; hits &= hits - 1) {
      uint32_t row = at * 64 + static_cast<uint32_t>(std::countr_zero(hits));
      if (visit(candidates, row)) return true;
    }
  }
  return false;
}

template <typename Visit>
void Search::each_in_bucket(uint32_t bucket, Visit visit) {
  for (uint32_t i = 0; i < count_; ++i) {
    if (each_among(segments_[i], segments_[i].segment().load.buckets[bucket], visit)) return;
  }
}

Search::Best Search::lowest_in(const Request& request, uint32_t bucket) {
  Best best;
  for (uint32_t i = 0; i < count_; ++i) {
    // No key of this segment's bucket is below its bound: a segment that cannot win is not even
    // looked at, and a row that reaches the bound ends the search of its segment.
    const LoadIndex& load = segments_[i].segment().load;
    LoadKey bound = load.lower_bound(bucket);
    if (best.found && bound >= best.key) continue;
    each_among(segments_[i], load.buckets[bucket], [&](Candidates& candidates, uint32_t row) {
      LoadKey key = load.key(row);
      if ((best.found && key >= best.key) || is_out(request, candidates, row)) return false;
      best = {true, candidates.worker(row), key};
      return key <= bound;
    });
  }
  return best;
}

Choice Search::least_loaded(const Request& request) {
  for (uint32_t bucket = next_bucket(0, kBuckets); bucket < kBuckets;
       bucket = next_bucket(bucket + 1, kBuckets)) {
    Best best = lowest_in(request, bucket);
    if (best.found) return {true, best.worker, false, 0};
  }
  return {};
}

Search::Best Search::highest_in(const Request& request, uint32_t bucket) {
  Best best;
  each_in_bucket(bucket, [&](Candidates& candidates, uint32_t row) {
    LoadKey key = candidates.segment().load.key(row);
    if (best.found && key <= best.key) return false;
    if (!is_out(request, candidates, row)) best = {true, candidates.worker(row), key};
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
      each_in_bucket(bucket, [&](const Candidates& candidates, uint32_t row) {
        Best seen{true, candidates.worker(row), candidates.segment().load.key(row)};
        bool better = best.size() < kScatterChoices || seen.key < best.back().key;
        if (!better || is_out(request, candidates, row)) return false;
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

/// Calls `visit(candidates, row)` for every placeable row that matches and fits.
template <typename Visit>
void Search::each_match(const Request& request, Visit visit) {
  for (uint32_t i = 0; i < count_; ++i) {
    each_among(
        segments_[i], segments_[i].segment().placeable, [&](Candidates& candidates, uint32_t row) {
          if (!is_out(request, candidates, row)) visit(candidates, row);
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
  each_match(request, [&](const Candidates& candidates, uint32_t row) {
    NodeState node;
    uint32_t flags = 0;
    uint32_t generation = 0;
    if (!fleet_.read_node(candidates.worker(row), node, flags, generation)) return;
    bool suspicious = (flags & kSuspicious) != 0;
    if (suspicious && best.found && !best_suspicious) return;
    if (misfit(node, request.query.demand) != Misfit::None) return;
    ScoredGpus score = score_of(node, request.query);
    if (best.found && best_suspicious == suspicious && score.score >= best_value) return;
    best = {true, candidates.worker(row), score.gpus != 0, score.gpus};
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
  each_match(anyone, [&](const Candidates& candidates, uint32_t row) {
    const Segment& segment = candidates.segment();
    int32_t capacity = segment.rows[row].capacity[kSlots].load(std::memory_order_acquire);
    int32_t free = segment.rows[row].free[kSlots].load(std::memory_order_acquire);
    bool fits = !is_out(exact, candidates, row);
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
