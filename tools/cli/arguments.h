#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/cli/invocation.h"

namespace CLI {
class App;
}

namespace berth::cli {

/// What the process does instead of a command: it prints and ends.
struct Ending {
  Exit code = Exit::Ok;
  std::string out;
  std::string err;
};

/// Every command and option, with help and examples; parsing writes to `invocation`, which outlives
/// the tree. The completion scripts are made from the same tree.
std::unique_ptr<CLI::App> make_arguments(Invocation& invocation);

/// Fills `invocation` from `words` (without the program's name), or says how to end: help was asked
/// for, or a word is wrong.
std::optional<Ending> parse_arguments(std::vector<std::string> words, Invocation& invocation);

}  // namespace berth::cli
