#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/placement/typical_tasks.h"

namespace berth::core {

/// The typical tasks laid out so that one pass over arrays tells which of them a worker can host.
///
/// Shape    classes that use devices only: those of one device first, ascending by milli, then
///          those of several. Shares are whole numbers, so that equal scores are exactly equal
/// Units    weights are shares of `weight_total()`, which also counts the classes without devices
/// Memory   about 4 KiB, and 512 bytes for each GPU model that a class names
class ClassTable {
 public:
  static constexpr size_t kMax = TypicalTasks::kClassesMax;
  using Row = std::array<int32_t, kMax>;

  ClassTable() = default;
  explicit ClassTable(std::span<const TypicalTask> tasks);

  int64_t weight_total() const { return weight_total_; }
  size_t size() const { return size_; }
  size_t singles() const { return singles_; }  ///< classes [0, singles) want one device

  /// How many of the singles want at most `milli` of a device.
  size_t singles_up_to(uint16_t milli) const { return up_to_[milli]; }

  uint16_t devices(size_t at) const { return devices_[at]; }  ///< that class `at` wants

  /// Weight of each class whose amounts and custom resources `node` has free after `taken`; else 0.
  void weigh_fitting(const NodeState& node, const NodeDemand* taken, Row& weights) const;

  /// All ones for each class that may use devices of `model`, else 0.
  const Row& mask_of(NameId model) const;

 private:
  struct ClassCustom {
    uint32_t at = 0;
    CustomAmount wanted;
  };
  struct ModelMask {
    NameId model;
    Row allowed{};
  };

  void add(const TypicalTask& task);
  void add_models(std::span<const TypicalTask* const> order);

  int64_t weight_total_ = 0;
  uint32_t size_ = 0;
  uint32_t singles_ = 0;
  std::array<bool, kResourceCount> wanted_{};  ///< some class asks for this resource
  std::array<Row, kResourceCount> amounts_{};
  Row weight_{};
  std::array<uint16_t, kMax> devices_{};
  std::array<uint8_t, kWholeGpu + 1> up_to_{};
  std::vector<ClassCustom> custom_;
  std::vector<ModelMask> models_;  ///< the first stands for every model that no class names
};

}  // namespace berth::core
