#include "tools/cli/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace berth::cli {
namespace {

constexpr const char* kEnter = "\033[?1049h\033[?25l";
constexpr const char* kLeave = "\033[?25h\033[?1049l";
constexpr const char* kHome = "\033[H";
constexpr const char* kClearToLineEnd = "\033[K";
constexpr const char* kClearBelow = "\033[J";
constexpr char kCtrlC = 3;

volatile sig_atomic_t g_signalled = 0;

void write_all(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

std::string cut_to(const std::string& text, size_t rows, size_t columns) {
  std::string cut;
  size_t row = 1;
  size_t column = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '\033') {  // up to its letter
      while (i < text.size() && !std::isalpha(static_cast<unsigned char>(text[i])))
        cut += text[i++];
      if (i < text.size()) cut += text[i];
    } else if (text[i] == '\n') {
      if (row++ == rows) return cut;
      column = 0;
      cut += '\n';
    } else if ((byte & 0xC0) == 0x80) {
      if (column <= columns) cut += text[i];
    } else if (++column <= columns) {
      cut += text[i];
    }
  }
  return cut;
}

FullScreen::FullScreen() {
  tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  struct sigaction note = {};
  note.sa_handler = [](int) {
    g_signalled = 1;
  };
  for (const int number : {SIGTERM, SIGHUP, SIGINT})
    sigaction(number, &note, nullptr);
  write_all(kEnter);
}

FullScreen::~FullScreen() {
  write_all(kLeave);
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void FullScreen::show(const std::string& text) const {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  const std::string cut = cut_to(text, known ? size.ws_row : 24, known ? size.ws_col : 80);
  std::string frame = kHome;
  for (const char c : cut) {
    if (c == '\n') frame += kClearToLineEnd;
    frame += c;
  }
  write_all(frame + kClearToLineEnd + kClearBelow);
}

bool FullScreen::stay(int timeout_ms) const {
  pollfd keys{STDIN_FILENO, POLLIN, 0};
  const int ready = poll(&keys, 1, timeout_ms);
  if (g_signalled != 0) return false;
  if (ready < 0) return errno == EINTR;  // another size of the window
  if (ready == 0) return true;
  char key = 0;
  if (read(STDIN_FILENO, &key, 1) <= 0) return false;
  return key != 'q' && key != 'Q' && key != kCtrlC;
}

}  // namespace berth::cli
