#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/messages.h"

namespace berth::net {

/// A line of the console, understood.
///
/// Memory   owns every text that `request` points to; may be moved, not copied
struct ConsoleCommand {
  enum class Kind : uint8_t {
    Empty,  ///< a blank line or a comment: no answer
    Help,
    Version,
    Quit,
    Request,  ///< `request` has the answer
    Worker,   ///< `request` is ShowWorker: all about one
    Stats,    ///< `request` is GetStats; of the process
    Shards,   ///< `request` is GetStats; by shard
  };

  Kind kind = Kind::Empty;
  wire::Request request;
  /// What a GPU fraction, a list of tags and the like point into.
  std::unique_ptr<struct ConsoleCommandParts> parts;

  ConsoleCommand();
  ~ConsoleCommand();
  ConsoleCommand(ConsoleCommand&&) noexcept;
  ConsoleCommand& operator=(ConsoleCommand&&) noexcept;
};

inline constexpr size_t kConsoleLineMax = 4096;

/// Understands one line, without its end. Pure. False: `problem` is one sentence that names the
/// word and the remedy.
bool parse_console_line(std::string_view line, ConsoleCommand& command, std::string& problem);

/// One line for each command, in the order of `help`.
const std::vector<std::string_view>& console_help();

}  // namespace berth::net
