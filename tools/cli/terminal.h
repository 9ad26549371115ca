#pragma once

#include <termios.h>

#include <cstddef>
#include <string>

namespace berth::cli {

/// The terminal of a full-screen program: keys one by one and unechoed, the other screen, no
/// cursor. Everything is put back at the end, also when a signal ends the program.
class FullScreen {
 public:
  FullScreen();
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  /// Replaces what is shown; lines are cut to the terminal's size.
  void show(const std::string& text) const;

  /// Waits so long for a key. False: the user wants to leave (q, Ctrl-C, a closed terminal, a
  /// signal).
  bool stay(int timeout_ms) const;

 private:
  termios before_;
};

/// `text` cut to `rows` lines of `columns` characters; escape sequences take no room.
std::string cut_to(const std::string& text, size_t rows, size_t columns);

}  // namespace berth::cli
