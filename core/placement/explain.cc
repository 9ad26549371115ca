#include "core/placement/explain.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <vector>

#include "core/placement/search.h"

namespace berth::core {

namespace {

/// One step of the sieve: the names of which a worker must have one (or, negated, none).
struct NameStep {
  std::string token;
  NameIds names;
  bool negated = false;
  uint32_t eliminated = 0;
};

std::string join(wire::TextList texts) {
  std::string joined;
  for (std::string_view text : texts) {
    if (!joined.empty()) joined += '|';
    joined += text;
  }
  return joined;
}

std::string label_text(const wire::Label& label) {
  return std::string(label.key) + "=" + std::string(label.value);
}

/// The requirements in the order of the explanation, with the words of the request.
std::vector<NameStep> name_steps(const wire::Place& place, const Query& query) {
  const wire::Requirements& wanted = place.requirements;
  std::vector<NameStep> steps;
  size_t tags = wanted.all_tags.size();
  for (size_t i = 0; i < tags; ++i) {
    steps.push_back({"tag:" + std::string(wanted.all_tags[i]), {query.all[i]}, false, 0});
  }
  for (size_t i = 0; i < wanted.any_tags.size(); ++i) {
    steps.push_back({"any:" + join(wanted.any_tags[i]), query.any[i], false, 0});
  }
  for (size_t i = 0; i < wanted.none_tags.size(); ++i) {
    steps.push_back({"not:" + std::string(wanted.none_tags[i]), {query.none[i]}, true, 0});
  }
  for (size_t i = 0; i < wanted.affinity.size(); ++i) {
    steps.push_back({"label:" + label_text(wanted.affinity[i]), {query.all[tags + i]}, false, 0});
  }
  for (size_t i = 0; i < wanted.anti_affinity.size(); ++i) {
    NameId name = query.none[wanted.none_tags.size() + i];
    steps.push_back({"not_label:" + label_text(wanted.anti_affinity[i]), {name}, true, 0});
  }
  if (query.any.size() > wanted.any_tags.size()) {
    steps.push_back({"gpu_model:" + join(place.demand.gpu_models), query.any.back(), false, 0});
  }
  return steps;
}

/// What is ruled out worker by worker, each with its token, in the order of the answer.
enum RowStep : size_t {
  kStepSpread,
  kStepExcluded,
  kStepOffline,
  kStepCordoned,
  kStepDraining,
  kStepCooling,
  kStepSlots,
  kStepCpu,
  kStepMemory,
  kStepDisk,
  kStepNetwork,
  kStepGpu,
  kStepCustom,
  kRowSteps
};
constexpr const char* kRowTokens[kRowSteps] = {
    "label:",
    "excluded",
    "offline",
    "cordoned",
    "draining",
    "cooldown",
    "slots",
    "cpu",
    "memory",
    "disk",
    "network",
    "gpu",
    "custom"};

RowStep status_step(uint32_t flags) {
  if ((flags & kOffline) != 0) return kStepOffline;
  if ((flags & kCordoned) != 0) return kStepCordoned;
  return (flags & kDraining) != 0 ? kStepDraining : kStepCooling;
}

RowStep misfit_step(Misfit misfit) {
  switch (misfit) {
    case Misfit::Slots: return kStepSlots;
    case Misfit::Cpu: return kStepCpu;
    case Misfit::Memory: return kStepMemory;
    case Misfit::Disk: return kStepDisk;
    case Misfit::Network: return kStepNetwork;
    case Misfit::GpuModel:
    case Misfit::Gpu: return kStepGpu;
    case Misfit::Custom:
    case Misfit::None: break;
  }
  return kStepCustom;
}

/// What a demand is compared with.
enum class Against : uint8_t { Free, Capacity };

NodeState with_nothing_on_it(const NodeState& node) {
  NodeState empty = node;
  empty.free = node.capacity;
  for (uint32_t i = 0; i < node.gpu_count; ++i)
    empty.gpu_free[i] = kWholeGpu;
  empty.custom_free = node.custom_capacity;
  return empty;
}

/// In thousandths: of one device for a fraction of it, else of all that are wholly free.
int64_t usable_gpus(const NodeState& node, const NodeDemand& demand) {
  int64_t usable = 0;
  for (uint32_t i = 0; i < node.gpu_count; ++i) {
    if (!allows_model(demand, node.gpu_model[i])) continue;
    if (demand.gpu_milli < kWholeGpu) {
      usable = std::max<int64_t>(usable, node.gpu_free[i]);
    } else if (node.gpu_free[i] == kWholeGpu) {
      usable += kWholeGpu;
    }
  }
  return usable;
}

int64_t custom_free(const NodeState& node, NameId name) {
  for (uint32_t i = 0; i < node.custom_count; ++i) {
    if (node.custom_free[i].name == name) return node.custom_free[i].amount;
  }
  return 0;
}

/// How many workers have too little of a resource, and the most that one of them has.
struct Shortage {
  uint32_t workers = 0;
  int64_t largest = 0;

  void count(int64_t has) {
    ++workers;
    largest = std::max(largest, has);
  }
};

class Sieve {
 public:
  Sieve(const Tables& tables, const wire::Place& place, const Query& query, Against against)
      : tables_(tables), query_(query), against_(against), steps_(name_steps(place, query)) {}

  void count(uint32_t segment_index) {
    const Segment& segment = tables_.fleet.segment(segment_index);
    uint64_t words = segment.live.summary.load(std::memory_order_acquire);
    for (; words != 0; words &= words - 1)
      count_word(segment, segment_index, static_cast<uint32_t>(std::countr_zero(words)));
  }

  /// Counts until somebody is eligible.
  bool finds_one(uint32_t segment_index) {
    const Segment& segment = tables_.fleet.segment(segment_index);
    uint64_t words = segment.live.summary.load(std::memory_order_acquire);
    for (; words != 0 && eligible_ == 0; words &= words - 1)
      count_word(segment, segment_index, static_cast<uint32_t>(std::countr_zero(words)));
    return eligible_ > 0;
  }

  wire::Explanation result(const wire::Place& place, Arena& text) const {
    std::vector<wire::Elimination> found;
    auto add = [&](std::string_view token, uint32_t workers, int64_t asked, int64_t largest) {
      if (workers > 0) found.push_back({text.keep(token), workers, asked, largest});
    };
    for (const NameStep& step : steps_)
      add(step.token, step.eliminated, 0, 0);
    add("label:" + std::string(place.requirements.spread_by), found_[kStepSpread].workers, 0, 0);
    for (size_t i = kStepExcluded; i < kStepSlots; ++i)
      add(kRowTokens[i], found_[i].workers, 0, 0);
    for (size_t i = kStepSlots; i < kStepGpu; ++i)
      add(kRowTokens[i],
          found_[i].workers,
          query_.demand.amounts[i - kStepSlots],
          found_[i].largest);
    const int64_t gpus = int64_t{query_.demand.gpu_count} * query_.demand.gpu_milli;
    add(kRowTokens[kStepGpu], found_[kStepGpu].workers, gpus, found_[kStepGpu].largest);
    for (size_t i = 0; i < place.demand.custom.size(); ++i) {
      const wire::NamedAmount& one = place.demand.custom[i];
      add("custom:" + std::string(one.name), custom_[i].workers, one.amount, custom_[i].largest);
    }
    return {workers_, eligible_, text.keep_all<wire::Elimination>(found), 0};
  }

 private:
  template <typename Visit>
  static void each_row(uint64_t rows, uint32_t at, Visit visit) {
    for (; rows != 0; rows &= rows - 1)
      visit(at * 64 + static_cast<uint32_t>(std::countr_zero(rows)));
  }

  static uint64_t sift(const Segment& segment, uint32_t at, uint64_t left, NameStep& step) {
    if (left == 0) return 0;
    uint64_t having = 0;
    for (NameId name : step.names) {
      const RowSet* rows = name.value == 0 ? nullptr : segment.rows_with(name);
      if (rows != nullptr) having |= rows->word(at);
    }
    uint64_t kept = left & (step.negated ? ~having : having);
    step.eliminated += static_cast<uint32_t>(std::popcount(left & ~kept));
    return kept;
  }

  /// 64 workers: those that have all the names are looked at one by one.
  void count_word(const Segment& segment, uint32_t segment_index, uint32_t at) {
    const uint64_t live = segment.live.word(at);
    const uint64_t placeable = against_ == Against::Free ? segment.placeable.word(at) : live;
    workers_ += static_cast<uint32_t>(std::popcount(live));
    uint64_t left = live;
    for (NameStep& step : steps_)
      left = sift(segment, at, left, step);
    each_row(left, at, [&](uint32_t row) {
      count_row(segment, segment_index, row, (placeable >> (row % 64) & 1) != 0);
    });
  }

  /// What no waiting changes comes first, or a pause would hide that a worker is too small.
  void count_row(const Segment& segment, uint32_t segment_index, uint32_t row, bool placeable) {
    NodeState node;
    uint32_t flags = 0;
    uint32_t generation = 0;
    tables_.fleet.read_node(worker_index(segment_index, row), node, flags, generation);
    const NodeState empty = with_nothing_on_it(node);
    const NodeState& compared = against_ == Against::Free ? node : empty;
    if (query_.spread && !has_label_key(segment, row, tables_.names, query_.spread_by)) {
      ++found_[kStepSpread].workers;
    } else if (is_excluded(segment, row, query_)) {
      ++found_[kStepExcluded].workers;
    } else if (Misfit ever = misfit(empty, query_.demand); ever != Misfit::None) {
      count_misfit(empty, compared, ever);
    } else if (!placeable) {
      ++found_[status_step(flags)].workers;
    } else if (Misfit now = misfit(compared, query_.demand); now != Misfit::None) {
      count_misfit(compared, compared, now);
    } else {
      ++eligible_;
    }
  }

  /// `wrong` is what does not fit `node`; what is left of that is told from `compared`.
  void count_misfit(const NodeState& node, const NodeState& compared, Misfit wrong) {
    if (wrong == Misfit::Custom) {
      const size_t at = first_custom_misfit(node);
      return custom_[at].count(custom_free(compared, query_.demand.custom[at].name));
    }
    const RowStep step = misfit_step(wrong);
    found_[step].count(
        step == kStepGpu ? usable_gpus(compared, query_.demand) : compared.free[step - kStepSlots]);
  }

  size_t first_custom_misfit(const NodeState& node) const {
    for (size_t i = 0; i + 1 < query_.demand.custom.size(); ++i) {
      NodeDemand one;
      one.amounts = {};
      one.custom = {query_.demand.custom[i]};
      if (misfit(node, one) != Misfit::None) return i;
    }
    return query_.demand.custom.size() - 1;
  }

  const Tables& tables_;
  const Query& query_;
  Against against_;
  std::vector<NameStep> steps_;
  uint32_t workers_ = 0;
  uint32_t eligible_ = 0;
  std::array<Shortage, kRowSteps> found_{};
  std::array<Shortage, kCustomMax> custom_{};
};

}  // namespace

wire::Explanation explain_placement(
    const Tables& tables, const wire::Place& place, const Query& query, Arena& text) {
  Sieve sieve(tables, place, query, Against::Free);
  for (uint32_t i = 0; i < tables.fleet.segment_count(); ++i)
    sieve.count(i);
  return sieve.result(place, text);
}

wire::Explanation explain_capacity(
    const Tables& tables, const wire::Place& place, const Query& query, Arena& text) {
  Sieve sieve(tables, place, query, Against::Capacity);
  for (uint32_t i = 0; i < tables.fleet.segment_count(); ++i)
    sieve.count(i);
  return sieve.result(place, text);
}

bool fits_somewhere(const Tables& tables, const wire::Place& place, const Query& query) {
  Sieve sieve(tables, place, query, Against::Capacity);
  for (uint32_t i = 0; i < tables.fleet.segment_count(); ++i) {
    if (sieve.finds_one(i)) return true;
  }
  return false;
}

}  // namespace berth::core
