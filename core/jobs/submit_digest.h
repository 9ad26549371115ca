#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/hash.h"

namespace berth::core {

/// What tells two submits under one request id apart: a hash of their specs as they were encoded,
/// in their order. Stored, so it must stay as it is. Never 0, which stands for one that is not
/// known.
inline uint64_t submit_digest(std::span<const std::span<const std::byte>> specs) {
  uint64_t digest = specs.size();
  for (const std::span<const std::byte> spec : specs) {
    const std::string_view text(reinterpret_cast<const char*>(spec.data()), spec.size());
    digest = hash_text(text, digest);
  }
  return std::max<uint64_t>(digest, 1);
}

}  // namespace berth::core
