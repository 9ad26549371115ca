#pragma once

#include <string>
#include <string_view>

#include "net/console/console_command.h"
#include "wire/messages.h"

namespace berth::net {

/// Answers as lines. `OK …` on one line; or `OK …`, more lines and `.`; or `ERR code message`,
/// always one line. Pure; each appends to `out`, line ends included.
void render_reply(ConsoleCommand::Kind kind, const wire::Reply& reply, std::string& out);
void render_help(std::string& out);
void render_ok(std::string_view text, std::string& out);
void render_error(std::string_view code, std::string_view message, std::string& out);

}  // namespace berth::net
