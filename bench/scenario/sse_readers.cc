// Many subscribers of /v1/events in one thread: each counts its events and compares every id with
// the one before. Events of one server are numbered without a gap, so a subscriber without a filter
// that misses one is found out.
//
//   sse_readers HOST:PORT SUBSCRIBERS SLOW SECONDS
//
// Of the subscribers SLOW stop reading once they have their first event, and read what is left for
// them when the others are done: their last event has to say that they were cut. Prints
// `ready\n` when all have their answer, and at the end one JSON object.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kRequest =
    "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n";
// A slow one is cut when 16 MiB have passed it by; its socket must not hold as much.
constexpr int kSlowBytes = 64 * 1024;

/// One subscriber: bytes to chunks to lines to ids.
class Reader {
 public:
  int socket = -1;
  bool slow = false;
  bool answered = false;
  bool ended = false;
  bool cut = false;
  uint64_t events = 0;
  uint64_t missed = 0;  ///< ids that do not follow the one before

  void take(std::string_view bytes) {
    while (!bytes.empty()) {
      switch (stage_) {
        case Stage::Head: bytes.remove_prefix(head(bytes)); break;
        case Stage::Size: bytes.remove_prefix(size(bytes)); break;
        case Stage::Data: {
          const std::string_view data = bytes.substr(0, left_);
          lines(data);
          bytes.remove_prefix(data.size());
          left_ -= data.size();
          if (left_ == 0) stage_ = Stage::Size;
          break;
        }
      }
    }
  }

 private:
  enum class Stage : uint8_t { Head, Size, Data };
  enum class Line : uint8_t { Start, Id, Other };

  size_t head(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const char next = bytes[i];
      newlines_ = next == '\n' ? newlines_ + 1 : next == '\r' ? newlines_ : 0;
      if (newlines_ < 2) continue;
      answered = true;
      stage_ = Stage::Size;
      return i + 1;
    }
    return bytes.size();
  }

  /// The line with a chunk's size, and the empty one behind the chunk before it.
  size_t size(std::string_view bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const char next = bytes[i];
      if (next == '\n') {
        if (!any_digit_) continue;
        any_digit_ = false;
        left_ = std::exchange(size_, 0);
        ended = left_ == 0;
        if (left_ > 0) stage_ = Stage::Data;
        return i + 1;
      }
      if (next == '\r') continue;
      any_digit_ = true;
      const int digit = next <= '9' ? next - '0' : (next | 0x20) - 'a' + 10;
      size_ = size_ * 16 + static_cast<size_t>(digit);
    }
    return bytes.size();
  }

  void lines(std::string_view data) {
    while (!data.empty()) {
      if (line_ == Line::Start) {
        line_ = data[0] == 'i' ? Line::Id : Line::Other;
        if (data[0] == 'e') cut = true;  // `event: cut`: no other event has a name
        id_ = 0;
      }
      const size_t end = data.find('\n');
      if (line_ == Line::Id) {
        for (const char next : data.substr(0, end))
          if (next >= '0' && next <= '9') id_ = id_ * 10 + static_cast<uint64_t>(next - '0');
      }
      if (end == data.npos) return;
      if (line_ == Line::Id) on_event(id_);
      line_ = Line::Start;
      data.remove_prefix(end + 1);
    }
  }

  void on_event(uint64_t id) {
    ++events;
    if (last_ != 0 && id != last_ + 1) ++missed;
    last_ = id;
  }

  Stage stage_ = Stage::Head;
  Line line_ = Line::Start;
  int newlines_ = 0;
  bool any_digit_ = false;
  size_t size_ = 0;
  size_t left_ = 0;
  uint64_t id_ = 0;
  uint64_t last_ = 0;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "sse_readers: %s (%s)\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int connect_to(const std::string& where, bool slow) {
  const size_t colon = where.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(where.substr(colon + 1))));
  if (inet_pton(AF_INET, where.substr(0, colon).c_str(), &address.sin_addr) != 1) fail(where);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail("no socket");
  if (slow) setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kSlowBytes, sizeof kSlowBytes);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot connect to " + where);
  }
  if (send(socket, kRequest.data(), kRequest.size(), 0) != static_cast<ssize_t>(kRequest.size())) {
    fail("cannot send");
  }
  return socket;
}

class Readers {
 public:
  Readers(const std::string& where, size_t all, size_t slow)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)), readers_(all), buffer_(1u << 20) {
    for (size_t i = 0; i < all; ++i) {
      readers_[i].slow = i < slow;
      readers_[i].socket = connect_to(where, i < slow);
      watch(readers_[i]);
    }
  }

  /// Reads until `end`, or until `enough` says so.
  template <typename Enough>
  void run(Clock::time_point end, const Enough& enough) {
    epoll_event ready[256];
    while (!enough()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      if (left <= 0) return;
      const int count = epoll_wait(epoll_, ready, 256, static_cast<int>(left));
      for (int i = 0; i < count; ++i)
        read(*static_cast<Reader*>(ready[i].data.ptr));
    }
  }

  bool all_answered() const {
    for (const Reader& one : readers_)
      if (!one.answered) return false;
    return true;
  }
  bool slow_ended() const {
    for (const Reader& one : readers_)
      if (one.slow && !one.ended) return false;
    return true;
  }
  void wake_slow() {
    for (Reader& one : readers_)
      if (one.slow && !one.ended) watch(one);
  }
  void report(double seconds) const {
    uint64_t events = 0, missed = 0, least = UINT64_MAX, cut = 0, lost = 0, slow_cut = 0;
    for (const Reader& one : readers_) {
      if (one.slow) {
        slow_cut += one.cut ? 1 : 0;
        continue;
      }
      events += one.events;
      missed += one.missed;
      least = one.events < least ? one.events : least;
      cut += one.cut ? 1 : 0;
      lost += one.ended && !one.cut ? 1 : 0;
    }
    std::printf(
        "{\"seconds\":%.3f,\"events\":%llu,\"least\":%llu,\"missed\":%llu,\"cut\":%llu,"
        "\"ended\":%llu,\"slow_cut\":%llu}\n",
        seconds,
        static_cast<unsigned long long>(events),
        static_cast<unsigned long long>(least),
        static_cast<unsigned long long>(missed),
        static_cast<unsigned long long>(cut),
        static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(slow_cut));
  }

 private:
  void watch(Reader& one) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.ptr = &one;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, one.socket, &wanted) != 0) fail("cannot watch");
  }

  void read(Reader& one) {
    const ssize_t got = recv(one.socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got > 0) one.take({buffer_.data(), static_cast<size_t>(got)});
    if (got == 0 || (got < 0 && errno != EAGAIN)) one.ended = true;
    const bool sleeps = one.slow && one.events > 0 && !slept_;
    if (one.ended || sleeps) epoll_ctl(epoll_, EPOLL_CTL_DEL, one.socket, nullptr);
  }

 public:
  bool slept_ = false;  ///< slow ones read again

 private:
  const int epoll_;
  std::vector<Reader> readers_;
  std::vector<char> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: sse_readers HOST:PORT SUBSCRIBERS SLOW SECONDS\n");
    return 2;
  }
  Readers readers(argv[1], std::stoul(argv[2]), std::stoul(argv[3]));
  const auto patience = std::chrono::seconds(30);
  readers.run(Clock::now() + patience, [&] { return readers.all_answered(); });
  if (!readers.all_answered()) fail("not every subscriber was answered");
  std::printf("ready\n");
  std::fflush(stdout);
  const auto began = Clock::now();
  const double seconds = std::stod(argv[4]);
  readers.run(began + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)), [] {
    return false;
  });
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  readers.slept_ = true;
  readers.wake_slow();
  readers.run(Clock::now() + patience, [&] { return readers.slow_ended(); });
  readers.report(took);
  return 0;
}
