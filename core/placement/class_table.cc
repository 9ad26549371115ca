#include "core/placement/class_table.h"

#include <algorithm>
#include <cmath>

namespace berth::core {
namespace {

// Weights sum to about this, so that device milli times weight stays far below 2^63.
constexpr double kWeightScale = 1 << 24;

int32_t custom_taken(const NodeDemand* taken, NameId name) {
  int32_t amount = 0;
  if (taken == nullptr) return amount;
  for (const CustomAmount& custom : taken->custom) {
    if (custom.name == name) amount += custom.amount;
  }
  return amount;
}

int32_t custom_free(const NodeState& node, NameId name) {
  for (size_t i = 0; i < node.custom_count; ++i) {
    if (node.custom_free[i].name == name) return node.custom_free[i].amount;
  }
  return 0;
}

}  // namespace

ClassTable::ClassTable(std::span<const TypicalTask> tasks) {
  std::vector<const TypicalTask*> order;
  for (const TypicalTask& task : tasks) {
    weight_total_ += std::llround(task.share * kWeightScale);
    if (task.demand.gpu_count > 0) order.push_back(&task);
  }
  auto comes_first = [](const TypicalTask* a, const TypicalTask* b) {
    bool single_a = a->demand.gpu_count == 1;
    bool single_b = b->demand.gpu_count == 1;
    if (single_a != single_b) return single_a;
    return single_a && a->demand.gpu_milli < b->demand.gpu_milli;
  };
  std::stable_sort(order.begin(), order.end(), comes_first);
  for (const TypicalTask* task : order)
    add(*task);
  add_models(order);
  size_t below = 0;
  for (uint16_t milli = 0; milli <= kWholeGpu; ++milli) {
    while (below < singles_ && order[below]->demand.gpu_milli <= milli)
      ++below;
    up_to_[milli] = static_cast<uint8_t>(below);
  }
}

void ClassTable::add(const TypicalTask& task) {
  uint32_t at = size_++;
  if (task.demand.gpu_count == 1) ++singles_;
  weight_[at] = static_cast<int32_t>(std::llround(task.share * kWeightScale));
  devices_[at] = task.demand.gpu_count;
  for (size_t r = 0; r < kResourceCount; ++r) {
    amounts_[r][at] = task.demand.amounts[r];
    wanted_[r] = wanted_[r] || task.demand.amounts[r] > 0;
  }
  for (const CustomAmount& custom : task.demand.custom)
    custom_.push_back({at, custom});
}

void ClassTable::add_models(std::span<const TypicalTask* const> order) {
  std::vector<NameId> names{NameId{}};
  for (const TypicalTask* task : order) {
    for (NameId model : task->demand.gpu_models) {
      if (std::find(names.begin(), names.end(), model) == names.end()) names.push_back(model);
    }
  }
  for (NameId name : names) {
    ModelMask& mask = models_.emplace_back();
    mask.model = name;
    for (size_t i = 0; i < order.size(); ++i)
      mask.allowed[i] = allows_model(order[i]->demand, name) ? -1 : 0;
  }
}

void ClassTable::weigh_fitting(const NodeState& node, const NodeDemand* taken, Row& weights) const {
  std::copy_n(weight_.begin(), size_, weights.begin());
  for (size_t r = 0; r < kResourceCount; ++r) {
    if (!wanted_[r]) continue;
    const Row& amounts = amounts_[r];
    int32_t free = std::max(node.free[r] - (taken != nullptr ? taken->amounts[r] : 0), 0);
    // Branchless, so that the compiler turns it into vector compares.
    for (size_t i = 0; i < size_; ++i)
      weights[i] &= -static_cast<int32_t>(amounts[i] <= free);
  }
  for (const ClassCustom& custom : custom_) {
    int32_t free = custom_free(node, custom.wanted.name) - custom_taken(taken, custom.wanted.name);
    if (custom.wanted.amount > std::max(free, 0)) weights[custom.at] = 0;
  }
}

const ClassTable::Row& ClassTable::mask_of(NameId model) const {
  for (const ModelMask& mask : models_) {
    if (mask.model == model) return mask.allowed;
  }
  return models_.front().allowed;
}

}  // namespace berth::core
