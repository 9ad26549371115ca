#pragma once

#include <string>
#include <string_view>

#include "net/forms/json.h"

namespace berth::forms {

/// One JSON value, and nothing behind it. Refused is what the library takes: a key that an object
/// has twice, of which one value would be lost.
///
/// Errors   false: `problem` is `line 2, column 7: 'x' does not belong there` or `tasks[0] has
///          'id' twice`; the caller says of which file
bool parse_strict_json(std::string_view text, Json& value, std::string& problem);

}  // namespace berth::forms
