#pragma once

#include <string>

namespace CLI {
class App;
}

namespace berth::cli {

/// A script that completes the commands, options and choices of `app` in bash, zsh or fish. Made
/// from the tree that parses them, so the two cannot differ.
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace berth::cli
