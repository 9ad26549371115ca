#pragma once

#include <string_view>

namespace berth::core {

/// Valid UTF-8 without control characters (C0, DEL, C1), surrogates and overlong forms: what may be
/// shown on a terminal, in a log line or in JSON as it is.
bool is_clean_text(std::string_view text);

/// Valid UTF-8 without NUL; control characters are allowed, as in a script: what may be an argument
/// or the environment of a program.
bool is_program_text(std::string_view text);

}  // namespace berth::core
