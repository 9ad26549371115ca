#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <string>
#include <string_view>

#include "core/base/hash.h"

namespace berth::core {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return hash_text(text); }
};

/// A hash table of strings that is asked with views. (`absl::string_view` is not the standard one
/// in every build of abseil, so its own hash does not take those.)
template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

}  // namespace berth::core
