#include <histedit.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "net/address.h"
#include "tools/cli/commands.h"

namespace berth::cli {
namespace {

constexpr int kHistoryLines = 1'000;
constexpr uint16_t kConsolePort = 7642;

/// The socket, closed at the end.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  int fd() const { return fd_; }

  bool send_all(const char* bytes, size_t count) const {
    while (count > 0) {
      const ssize_t sent = send(fd_, bytes, count, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes += sent;
      count -= static_cast<size_t>(sent);
    }
    return true;
  }

  /// Copies what has come to stdout. False when the server has ended.
  bool print_received() const {
    char bytes[16 * 1024];
    const ssize_t count = recv(fd_, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    std::fwrite(bytes, 1, static_cast<size_t>(count), stdout);
    std::fflush(stdout);
    return true;
  }

 private:
  int fd_;
};

int connect_to(const net::HostPort& where, std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status =
      getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found);
  if (status != 0) problem = gai_strerror(status);
  int fd = -1;
  for (const addrinfo* each = found; each != nullptr && fd < 0; each = each->ai_next) {
    fd = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
    if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) == 0) break;
    problem = std::strerror(errno);
    if (fd >= 0) close(fd);
    fd = -1;
  }
  if (found != nullptr) freeaddrinfo(found);
  return fd;
}

// As nc does: everything in, everything out, and the end of input is passed on.
void pump(const Connection& server) {
  pollfd both[2] = {{STDIN_FILENO, POLLIN, 0}, {server.fd(), POLLIN, 0}};
  while (true) {
    if (poll(both, 2, -1) < 0 && errno != EINTR) return;
    if (both[1].revents != 0 && !server.print_received()) return;
    if (both[0].revents == 0) continue;
    char bytes[16 * 1024];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (count <= 0) {
      shutdown(server.fd(), SHUT_WR);
      both[0].fd = -1;  // poll passes it over
    } else if (!server.send_all(bytes, static_cast<size_t>(count))) {
      return;
    }
  }
}

std::string history_file() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home) + "/.berth_history";
}

/// Lines with editing and history, while the server's words appear as they come.
class LineEditor {
 public:
  explicit LineEditor(const Connection& server)
      : server_(server),
        history_(history_init()),
        editor_(el_init("berth", stdin, stdout, stderr)) {
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!file_.empty()) history(history_, &event, H_LOAD, file_.c_str());
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(
        editor_, EL_PROMPT, +[](EditLine*) { return const_cast<char*>("berth> "); });
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_GETCFN, &LineEditor::next_key);
    el_source(editor_, nullptr);  // the user's own ~/.editrc
  }
  ~LineEditor() {
    HistEvent event;
    if (!file_.empty()) history(history_, &event, H_SAVE, file_.c_str());
    el_end(editor_);
    history_end(history_);
  }
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// The next line with its end, or null at the end of input or of the server.
  const char* line(int& bytes) {
    const char* text = el_gets(editor_, &bytes);
    if (text == nullptr || bytes <= 0 || server_ended_) return nullptr;
    HistEvent event;
    if (bytes > 1) history(history_, &event, H_ENTER, text);
    return text;
  }

 private:
  static int next_key(EditLine* editor, wchar_t* key) {
    LineEditor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return self->wait_for_key(key);
  }

  int wait_for_key(wchar_t* key) {
    pollfd both[2] = {{STDIN_FILENO, POLLIN, 0}, {server_.fd(), POLLIN, 0}};
    while (true) {
      if (poll(both, 2, -1) < 0 && errno != EINTR) return -1;
      if (both[1].revents != 0) {
        std::fputs("\r\033[K", stdout);  // the prompt comes back below the answer
        if (!server_.print_received()) {
          server_ended_ = true;
          return 0;
        }
        el_set(editor_, EL_REFRESH);
      }
      if (both[0].revents == 0) continue;
      return read_key(key);
    }
  }

  // One character, of as many bytes as UTF-8 gives it.
  static int read_key(wchar_t* key) {
    mbstate_t state{};
    for (char byte = 0; read(STDIN_FILENO, &byte, 1) == 1;) {
      const size_t status = std::mbrtowc(key, &byte, 1, &state);
      if (status != static_cast<size_t>(-2)) return status == static_cast<size_t>(-1) ? -1 : 1;
    }
    return 0;
  }

  const Connection& server_;
  const std::string file_ = history_file();
  History* history_;
  EditLine* editor_;
  bool server_ended_ = false;
};

void converse(const Connection& server) {
  LineEditor editor(server);
  int bytes = 0;
  while (const char* line = editor.line(bytes)) {
    if (!server.send_all(line, static_cast<size_t>(bytes))) return;
  }
  // Ctrl-D: what is still to be answered is shown.
  shutdown(server.fd(), SHUT_WR);
  while (server.print_received()) {}
}

}  // namespace

Exit run_console(const Invocation& invocation) {
  net::HostPort where;
  std::string problem;
  if (!net::parse_host_port(invocation.console, kConsolePort, where, problem)) {
    std::fprintf(stderr, "berth: console %s\n", problem.c_str());
    return Exit::Usage;
  }
  const Connection server(connect_to(where, problem));
  if (server.fd() < 0) {
    std::fprintf(
        stderr,
        "berth: no Berth console answers at %s (%s); start berthd there, or name another console\n",
        net::format_host_port(where).c_str(),
        problem.c_str());
    return Exit::Unreachable;
  }
  if (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {
    std::fprintf(
        stderr,
        "Connected to %s; 'help' lists the commands, Ctrl-D leaves.\n",
        net::format_host_port(where).c_str());
    converse(server);
  } else {
    pump(server);
  }
  return Exit::Ok;
}

}  // namespace berth::cli
