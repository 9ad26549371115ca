#include "agent/runner/engine/api.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <nlohmann/json.hpp>

namespace berth::agent {

using nlohmann::json;

namespace {

constexpr size_t kAnswerBytesMax = 16 << 20;
constexpr size_t kComplaintBytesMax = 1'000;
constexpr size_t kBlockBytes = 16 * 1024;
constexpr int kUpgrade = 2;  // of llhttp: what follows the head is no body

/// Empty: connected.
std::string connect_to(const std::string& path, Fd& fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return error_text(ENAMETOOLONG);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  fd.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bool connected =
      fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return connected ? std::string() : error_text(errno);
}

Request& of(llhttp_t* parser) {
  return *static_cast<Request*>(parser->data);
}

}  // namespace

std::string Answer::complaint() const {
  json parsed = json::parse(body, nullptr, false);
  bool told = parsed.is_object() && parsed.contains("message") && parsed["message"].is_string();
  std::string text = told ? parsed["message"].get<std::string>() : body;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  if (text.empty()) text = "answer " + std::to_string(status) + " without a reason";
  return text.substr(0, kComplaintBytesMax);
}

// ---- llhttp ---------------------------------------------------------------------------------

const llhttp_settings_t& Request::settings() {
  static const llhttp_settings_t all = [] {
    llhttp_settings_t to;
    llhttp_settings_init(&to);
    to.on_headers_complete = [](llhttp_t* parser) {
      Request& request = of(parser);
      request.answer_.status = parser->status_code;
      bool taken = parser->status_code == 101 || parser->status_code == 200;
      return request.upgrades_ && taken ? kUpgrade : 0;
    };
    to.on_body = [](llhttp_t* parser, const char* at, size_t bytes) {
      std::string& body = of(parser).answer_.body;
      if (bytes > kAnswerBytesMax - body.size()) return -1;
      body.append(at, bytes);
      return 0;
    };
    to.on_message_complete = [](llhttp_t* parser) {
      of(parser).complete_ = true;
      return 0;
    };
    return to;
  }();
  return all;
}

void Request::on_bytes(const char* bytes, size_t count) {
  // The end of the connection ends an answer that tells no length.
  llhttp_errno_t error =
      count > 0 ? llhttp_execute(&parser_, bytes, count) : llhttp_finish(&parser_);
  if (error == HPE_PAUSED_UPGRADE) {
    const char* rest = llhttp_get_error_pos(&parser_);
    early_.assign(rest, static_cast<size_t>(bytes + count - rest));
    complete_ = true;
  } else if (error != HPE_OK && !complete_) {
    problem_ = std::string("its answer cannot be read: ") + llhttp_errno_name(error);
  } else if (count == 0 && !complete_) {
    problem_ = "it closed the connection";
  }
}

// ---- One request ----------------------------------------------------------------------------

Request::Request(const std::string& socket, int patience_ms) : patience_ms_(patience_ms) {
  llhttp_init(&parser_, HTTP_RESPONSE, &settings());
  parser_.data = this;
  problem_ = connect_to(socket, fd_);
}

bool Request::wait(short events) {
  pollfd fd{fd_.get(), events, 0};
  int ready = poll(&fd, 1, patience_ms_);
  while (ready < 0 && errno == EINTR)
    ready = poll(&fd, 1, patience_ms_);
  if (ready == 0) errno = ETIMEDOUT;
  if (ready <= 0) problem_ = error_text(errno);
  return ready > 0;
}

void Request::write(std::string_view bytes) {
  while (problem_.empty() && !bytes.empty() && wait(POLLOUT)) {
    ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) problem_ = error_text(errno);
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void Request::send(
    const std::string& method,
    const std::string& path,
    const std::string& body,
    const std::string& type) {
  std::string head = method + " " + path + " HTTP/1.1\r\nHost: engine\r\n";
  head += upgrades_ ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "Connection: close\r\n";
  if (!body.empty()) head += "Content-Type: " + type + "\r\n";
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  write(head + body);
}

bool Request::take_some(Answer& whole) {
  char block[kBlockBytes];
  if (problem_.empty() && wait(POLLIN)) {
    ssize_t n = recv(fd_.get(), block, sizeof block, 0);
    if (n < 0 && errno != EINTR) problem_ = error_text(errno);
    if (n >= 0) on_bytes(block, static_cast<size_t>(n));
  }
  bool broken = !problem_.empty();
  if (broken) answer_ = {0, problem_};
  if (broken || complete_) whole = answer_;
  return broken || complete_;
}

Answer Request::answer() {
  Answer whole;
  while (!take_some(whole))
    continue;
  return whole;
}

Answer Request::hijack(const std::string& path, Fd& streams, std::string& early) {
  upgrades_ = true;
  send("POST", path);
  Answer whole = answer();
  if (whole.status != 101 && whole.status != 200) return whole;
  streams = std::move(fd_);
  early = std::move(early_);
  return {200, {}};
}

Answer ask(
    const std::string& socket,
    const std::string& method,
    const std::string& path,
    const std::string& body,
    int patience_ms) {
  Request request(socket, patience_ms);
  request.send(method, path, body);
  return request.answer();
}

std::string quoted(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string safe;
  for (unsigned char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                 c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      safe += static_cast<char>(c);
    } else {
      safe += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return safe;
}

}  // namespace berth::agent
