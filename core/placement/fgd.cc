#include "core/placement/fgd.h"

#include <algorithm>

#include "core/placement/best_fit.h"
#include "core/placement/class_table.h"

namespace berth::core {
namespace {

// Measured on the trace of the paper: 10 to 40 are about as good, 0 and 200 lose 0.4 % of all
// devices.
constexpr double kMilliPerLeftover = 20;
constexpr double kLeftoverGpuScale = 8 * kWholeGpu;

using Milli = std::array<uint16_t, kGpusMax>;

/// What the typical tasks can use of a worker whose amounts are settled, for any state of devices.
///
/// A class of one device uses every device with enough free of a model it allows, so that what
/// those classes use is a sum over devices of free milli times the weight of the classes that
/// want at most so much: one prefix sum of weights for each model answers for all devices. Classes
/// of several devices are few and counted one by one.
class Usable {
 public:
  Usable(const ClassTable& table, const NodeState& node, const NodeDemand* taken)
      : table_(table), node_(node) {
    table.weigh_fitting(node, taken, weights_);
    for (size_t i = 0; i < node.gpu_count; ++i)
      model_of_[i] = model_at(node.gpu_model[i]);
  }

  /// Milli times weight.
  int64_t of(const Milli& free) const {
    int64_t sum = 0;
    for (size_t i = 0; i < node_.gpu_count; ++i) {
      sum += int64_t{free[i]} * up_to_[model_of_[i]][table_.singles_up_to(free[i])];
    }
    if (table_.size() > table_.singles()) sum += of_several(free);
    return sum;
  }

 private:
  uint8_t model_at(NameId model) {
    uint8_t at = 0;
    while (at < models_ && names_[at] != model)
      ++at;
    if (at < models_) return at;
    const ClassTable::Row& mask = table_.mask_of(model);
    masks_[at] = &mask;
    names_[at] = model;
    int64_t sum = 0;
    up_to_[at][0] = 0;
    for (size_t c = 0; c < table_.singles(); ++c) {
      sum += weights_[c] & mask[c];
      up_to_[at][c + 1] = static_cast<int32_t>(sum);
    }
    ++models_;
    return at;
  }

  int64_t of_several(const Milli& free) const {
    std::array<int32_t, kGpusMax> whole{};  // free devices of each model
    for (size_t i = 0; i < node_.gpu_count; ++i) {
      if (free[i] == kWholeGpu) ++whole[model_of_[i]];
    }
    int64_t sum = 0;
    for (size_t c = table_.singles(); c < table_.size(); ++c) {
      int64_t devices = 0;
      for (size_t m = 0; m < models_; ++m)
        devices += whole[m] & (*masks_[m])[c];
      if (devices >= table_.devices(c)) sum += devices * kWholeGpu * weights_[c];
    }
    return sum;
  }

  const ClassTable& table_;
  const NodeState& node_;
  ClassTable::Row weights_;
  size_t models_ = 0;
  std::array<uint8_t, kGpusMax> model_of_{};
  std::array<NameId, kGpusMax> names_{};
  std::array<const ClassTable::Row*, kGpusMax> masks_{};
  std::array<std::array<int32_t, ClassTable::kMax + 1>, kGpusMax> up_to_;
};

int64_t free_milli(const NodeState& node) {
  int64_t sum = 0;
  for (size_t i = 0; i < node.gpu_count; ++i)
    sum += node.gpu_free[i];
  return sum;
}

/// Keeps the set of devices that leaves most usable; the first of equals.
struct Best {
  const Usable& after;
  const NodeState& node;
  uint16_t milli = 0;
  int64_t usable = -1;
  GpuSet gpus = 0;

  void consider(GpuSet set) {
    Milli free = node.gpu_free;
    for (size_t i = 0; i < node.gpu_count; ++i) {
      if ((set >> i & 1) != 0) free[i] = static_cast<uint16_t>(free[i] - milli);
    }
    int64_t now = after.of(free);
    if (now <= usable) return;
    usable = now;
    gpus = set;
  }
};

void consider_each_device(const NodeDemand& demand, Best& best) {
  const NodeState& node = best.node;
  for (size_t i = 0; i < node.gpu_count; ++i) {
    if (node.gpu_free[i] < demand.gpu_milli || !allows_model(demand, node.gpu_model[i])) continue;
    auto alike = [&](size_t j) {
      return node.gpu_free[j] == node.gpu_free[i] && node.gpu_model[j] == node.gpu_model[i];
    };
    size_t first = 0;
    while (!alike(first))
      ++first;
    if (first == i) best.consider(static_cast<GpuSet>(1u << i));
  }
}

/// The first whole devices of each model that has enough of them.
void consider_each_model(const NodeDemand& demand, Best& best) {
  const NodeState& node = best.node;
  for (size_t i = 0; i < node.gpu_count; ++i) {
    NameId model = node.gpu_model[i];
    auto before = node.gpu_model.begin() + static_cast<ptrdiff_t>(i);
    if (std::find(node.gpu_model.begin(), before, model) != before) continue;
    if (!allows_model(demand, model)) continue;
    GpuSet set = 0;
    int missing = demand.gpu_count;
    for (size_t j = i; j < node.gpu_count && missing > 0; ++j) {
      if (node.gpu_model[j] != model || node.gpu_free[j] < demand.gpu_milli) continue;
      set = static_cast<GpuSet>(set | 1u << j);
      --missing;
    }
    if (missing == 0) best.consider(set);
  }
}

}  // namespace

double fragmentation(const NodeState& node, const TypicalTasks& typical) {
  const ClassTable& table = typical.table();
  if (table.weight_total() == 0) return 0;
  Usable now(table, node, nullptr);
  int64_t wasted = free_milli(node) * table.weight_total() - now.of(node.gpu_free);
  return static_cast<double>(wasted) / static_cast<double>(table.weight_total());
}

FgdChoice fgd_choose(const NodeState& node, const NodeDemand& demand, const TypicalTasks& typical) {
  double tie_break = kMilliPerLeftover * leftover(node, demand, kLeftoverGpuScale);
  const ClassTable& table = typical.table();
  if (table.weight_total() == 0) return {tie_break, 0, choose_gpus(node, demand)};
  Usable before(table, node, nullptr);
  Usable after(table, node, &demand);
  Best best{after, node, demand.gpu_milli};
  if (demand.gpu_count > 1) consider_each_model(demand, best);
  if (best.usable < 0) best.consider(choose_gpus(node, demand));
  if (demand.gpu_count == 1) consider_each_device(demand, best);
  int64_t lost = before.of(node.gpu_free) - best.usable;
  int64_t taken = int64_t{demand.gpu_count} * demand.gpu_milli * table.weight_total();
  double increase = static_cast<double>(lost - taken) / static_cast<double>(table.weight_total());
  return {increase + tie_break, increase, best.gpus};
}

}  // namespace berth::core
