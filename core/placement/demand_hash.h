#pragma once

#include <cstdint>
#include <cstring>

#include "core/placement/node.h"

namespace berth::core {

/// One step of a 64-bit hash: multiply and fold, as in wyhash. Not for keys that a peer may choose
/// to collide on purpose without harm only to itself: a collision costs quality, never capacity.
inline uint64_t hash_step(uint64_t hash, uint64_t word) {
  auto product =
      static_cast<unsigned __int128>(hash ^ word ^ 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_amounts(uint64_t hash, const Amounts& amounts) {
  static_assert(kResourceCount == 5);
  auto pair = [&](size_t i) {
    uint64_t word = 0;
    std::memcpy(&word, &amounts[i], sizeof word);
    return word;
  };
  hash = hash_step(hash, pair(0));
  hash = hash_step(hash, pair(2));
  return hash_step(hash, static_cast<uint32_t>(amounts[4]));
}

/// Equal for equal demands whose lists are in the same order.
inline uint64_t demand_hash(const NodeDemand& demand) {
  uint64_t hash = hash_amounts(1, demand.amounts);
  uint64_t lists = demand.gpu_models.size() << 8 | demand.custom.size();
  hash = hash_step(hash, lists << 32 | uint32_t{demand.gpu_count} << 16 | demand.gpu_milli);
  for (NameId model : demand.gpu_models)
    hash = hash_step(hash, model.value);
  for (const CustomAmount& custom : demand.custom) {
    hash =
        hash_step(hash, uint64_t{custom.name.value} << 32 | static_cast<uint32_t>(custom.amount));
  }
  return hash;
}

/// Equal for workers with the same free amounts and devices, whatever their capacity.
inline uint64_t free_hash(const NodeState& node) {
  uint64_t hash = hash_amounts(2, node.free);
  hash = hash_step(hash, uint64_t{node.gpu_count} << 16 | node.custom_count);
  for (size_t i = 0; i < node.gpu_count; i += 2) {
    // Two devices a step; the array is even, and beyond gpu_count it is masked out.
    bool both = i + 1 < node.gpu_count;
    uint64_t milli = uint64_t{node.gpu_free[i]} << 16 | (both ? node.gpu_free[i + 1] : 0u);
    uint64_t models =
        uint64_t{node.gpu_model[i].value} << 32 | (both ? node.gpu_model[i + 1].value : 0u);
    hash = hash_step(hash, models * 0x9FB21C651E98DF25u + milli);
  }
  for (size_t i = 0; i < node.custom_count; ++i) {
    const CustomAmount& custom = node.custom_free[i];
    hash =
        hash_step(hash, uint64_t{custom.name.value} << 32 | static_cast<uint32_t>(custom.amount));
  }
  return hash;
}

}  // namespace berth::core
