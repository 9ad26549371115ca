#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace berth::core {

/// XXH3 of `text`; different seeds give unrelated hashes.
inline uint64_t hash_text(std::string_view text, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

/// Folds one more hash or number into a fingerprint; order matters.
inline uint64_t hash_combine(uint64_t seed, uint64_t value) {
  unsigned __int128 product =
      static_cast<unsigned __int128>(seed ^ 0x9E3779B97F4A7C15u) * (value ^ 0xD6E8FEB86659FD93u);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace berth::core
