#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "net/client/types.h"

namespace berth::forms {

/// Keys stay in the order in which they were put.
using Json = nlohmann::ordered_json;

/// A moment as RFC 3339 in UTC; of 0, which is none, null.
Json time_json(int64_t at_ms);
Json explanation_json(const client::Explanation& explanation);

/// What is not UTF-8 is replaced, never an exception.
std::string to_text(const Json& json);

}  // namespace berth::forms
