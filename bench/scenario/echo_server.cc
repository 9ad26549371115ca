// The least a server can do: libuv, one thread, and a canned answer for every ping. It reads a
// frame's length and its id and checks nothing, so what it reaches is the ceiling of the machine,
// of libuv and of the load generator, for frames of the same size as those of `ping`. Greetings and
// questions for statistics, of which there are a few in a run, are decoded and answered.
//
//   echo_server           prints `ready wire=127.0.0.1:PORT`, serves until it is killed

#include <netinet/in.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <uv.h>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"

namespace {

using berth::wire::RequestId;
using Bytes = std::vector<std::byte>;

constexpr uint64_t kMark = 0xA17E5EED0F1E2D3Cu;

// A frame of one ping or pong, and where its number stands.
struct Canned {
  explicit Canned(Bytes made) : frame(std::move(made)) {
    for (size_t i = 0; i + sizeof kMark <= frame.size(); ++i) {
      if (std::memcmp(frame.data() + i, &kMark, sizeof kMark) == 0) number_at = i;
    }
  }
  Bytes frame;
  size_t number_at = 0;
};

template <typename Message>
Bytes encoded(const Message& message) {
  Bytes frame;
  berth::wire::Encoder().encode(RequestId{1}, message, frame);
  return frame;
}

struct Server {
  Canned ping{encoded(berth::wire::Request(berth::wire::Ping{.payload = kMark}))};
  Canned pong{encoded(berth::wire::Reply(berth::wire::Pong{.payload = kMark}))};
  berth::wire::Encoder encoder;
  berth::wire::Decoder decoder;
  Bytes out;

  void answer_ping(const std::byte* frame) {
    size_t at = out.size();
    out.insert(out.end(), pong.frame.begin(), pong.frame.end());
    std::memcpy(out.data() + at + 4, frame + 4, 4);
    std::memcpy(out.data() + at + pong.number_at, frame + ping.number_at, sizeof kMark);
  }

  void answer_other(const berth::wire::Frame& frame) {
    berth::wire::Request request;
    if (decoder.decode(frame.payload, request) != berth::wire::DecodeStatus::Ok) return;
    if (std::holds_alternative<berth::wire::Hello>(request)) {
      berth::wire::Welcome welcome;
      welcome.software = "echo_server";
      welcome.suspicious_after_ms = 10'000;
      encoder.encode(frame.request, welcome, out);
    } else if (std::holds_alternative<berth::wire::GetStats>(request)) {
      rusage used{};
      getrusage(RUSAGE_SELF, &used);
      auto seconds = [](timeval t) {
        return double(t.tv_sec) + 1e-6 * double(t.tv_usec);
      };
      const berth::wire::Stat stats[] = {
          {"process_cpu_seconds_total", -1, seconds(used.ru_utime) + seconds(used.ru_stime)},
          {"process_resident_memory_bytes", -1, 1024.0 * double(used.ru_maxrss)}};
      encoder.encode(frame.request, berth::wire::StatsReply{stats}, out);
    } else {
      encoder.encode(frame.request, berth::wire::Done{}, out);
    }
  }
};

// The ends of a program that lives for one run.
[[noreturn]] void fail(const char* what, int status) {
  std::fprintf(stderr, "echo_server: %s: %s\n", what, uv_strerror(status));
  std::exit(1);
}

struct Connection {
  static constexpr size_t kReadBytes = 256 * 1024;

  explicit Connection(Server& owner) : server(owner), input(new std::byte[kReadBytes]) {}

  void on_bytes(size_t bytes) {
    filled += bytes;
    size_t at = 0;
    berth::wire::Frame frame;
    for (size_t frame_bytes = 0;; at += frame_bytes) {
      std::span<const std::byte> rest(input.get() + at, filled - at);
      if (berth::wire::next_frame(rest, kReadBytes / 2, frame, frame_bytes) !=
          berth::wire::FrameStatus::Ok) {
        break;
      }
      if (frame_bytes == server.ping.frame.size()) {
        server.answer_ping(rest.data());
      } else {
        server.answer_other(frame);
      }
    }
    std::memmove(input.get(), input.get() + at, filled - at);
    filled -= at;
    send();
  }

  void send() {
    uv_buf_t buffer = uv_buf_init(
        reinterpret_cast<char*>(server.out.data()), static_cast<unsigned>(server.out.size()));
    int sent = uv_try_write(reinterpret_cast<uv_stream_t*>(&tcp), &buffer, 1);
    // The generator always reads, and asks for less than a socket buffer holds.
    if (sent >= 0 && static_cast<size_t>(sent) < server.out.size()) fail("short write", UV_ENOBUFS);
    server.out.clear();
  }

  Server& server;
  uv_tcp_t tcp{};
  std::unique_ptr<std::byte[]> input;
  size_t filled = 0;
};

Connection& connection_of(void* handle) {
  return *static_cast<Connection*>(static_cast<uv_handle_t*>(handle)->data);
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* connection = new Connection(*static_cast<Server*>(listener->data));
  uv_tcp_init(listener->loop, &connection->tcp);
  connection->tcp.data = connection;
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection->tcp);
  if (int refused = uv_accept(listener, stream); refused < 0) fail("accept", refused);
  uv_tcp_nodelay(&connection->tcp, 1);
  uv_read_start(
      stream,
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        Connection& self = connection_of(handle);
        *buffer = uv_buf_init(
            reinterpret_cast<char*>(self.input.get() + self.filled),
            static_cast<unsigned>(Connection::kReadBytes - self.filled));
      },
      [](uv_stream_t* handle, ssize_t bytes, const uv_buf_t*) {
        if (bytes > 0) return connection_of(handle).on_bytes(static_cast<size_t>(bytes));
        if (bytes == 0) return;
        uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) {
          delete &connection_of(closed);
        });
      });
}

}  // namespace

int main() {
  uv_loop_t* loop = uv_default_loop();
  Server server;
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  listener.data = &server;
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  if (int status = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 1024, on_connection);
      status < 0) {
    fail("listen", status);
  }
  int bytes = sizeof address;
  uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &bytes);
  std::printf("ready wire=127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
