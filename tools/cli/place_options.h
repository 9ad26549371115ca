#pragma once

#include <string>

#include "net/client/types.h"

namespace CLI {
class App;
}

namespace berth::cli {

/// The options of `berth place`; parsing writes to `request`.
void add_place_options(CLI::App& command, client::PlaceRequest& request);

/// The value as the option's type, or a usage error that names option, value and form.
client::Milliseconds duration_value(const char* option, const std::string& text);
uint64_t count_value(const char* option, const std::string& text, uint64_t max);

}  // namespace berth::cli
