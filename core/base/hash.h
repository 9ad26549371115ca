#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace berth::core {

/// XXH3 of `text`; different seeds give unrelated hashes.
inline uint64_t hash_text(std::string_view text, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

/// As `a == b`, without a call: the names compared on the path of a placement are short.
inline bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  auto differ = [&](size_t at, auto word) {
    auto other = word;
    std::memcpy(&word, a.data() + at, sizeof(word));
    std::memcpy(&other, b.data() + at, sizeof(word));
    return word != other;
  };
  size_t at = 0;
  for (; at + 8 <= a.size(); at += 8) {
    if (differ(at, uint64_t{0})) return false;
  }
  if (at + 4 <= a.size()) {
    if (differ(at, uint32_t{0})) return false;
    at += 4;
  }
  for (; at < a.size(); ++at) {
    if (a[at] != b[at]) return false;
  }
  return true;
}

/// Folds one more hash or number into a fingerprint; order matters.
inline uint64_t hash_combine(uint64_t seed, uint64_t value) {
  unsigned __int128 product =
      static_cast<unsigned __int128>(seed ^ 0x9E3779B97F4A7C15u) * (value ^ 0xD6E8FEB86659FD93u);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace berth::core
