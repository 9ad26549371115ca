#include "net/frame_stream.h"

#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "net/address.h"
#include "net/listener.h"
#include "tests/net/support/wire_peer.h"

namespace berth::net {
namespace {

/// A loop with one listener that answers every frame with `answer_bytes` of pings.
struct Echo : private Listener::Handler, private FrameHandler {
  explicit Echo(const StreamLimits& stream_limits, size_t answer_bytes = 0)
      : limits(stream_limits) {
    uv_loop_init(&loop);
    shared = std::make_unique<StreamLoop>(&loop);
    while (answer.size() < answer_bytes)
      encoder.encode({1}, wire::Reply(wire::Pong{}), answer);
    sockaddr_storage bound;
    HostPort any = {"127.0.0.1", 0};
    std::string problem;
    EXPECT_TRUE(numeric_address(any, bound));
    const int socket = listen_on(reinterpret_cast<sockaddr*>(&bound), PortShare::None, problem);
    EXPECT_TRUE(bound_address(socket, bound)) << problem;
    address = format_address(reinterpret_cast<sockaddr*>(&bound));
    listener = std::make_unique<Listener>(&loop, socket, static_cast<Listener::Handler&>(*this));
    listener->start();
    uv_timer_init(&loop, &sweep);
    sweep.data = this;
    const auto on_sweep = [](uv_timer_t* handle) {
      auto* self = static_cast<Echo*>(handle->data);
      if (self->stream) self->stream->sweep();
      if (++self->sweeps > 3000) uv_stop(&self->loop);  // 30 s: it hangs
    };
    uv_timer_start(&sweep, on_sweep, 10, 10);
  }

  ~Echo() override {
    listener->stop();
    if (stream) stream->close(CloseReason::Local);
    uv_close(reinterpret_cast<uv_handle_t*>(&sweep), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop), 0);
  }

  void on_accept(int socket) override {
    stream = std::make_unique<FrameStream>(*shared, limits, static_cast<FrameHandler&>(*this));
    stream->open(socket);
  }
  void on_accept_starved() override {}
  void on_frame(FrameStream& from, const wire::Frame& frame) override {
    ++frames;
    last_payload_bytes = frame.payload.size();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(frame.payload.data()) % wire::kFrameAlignment, 0u);
    from.out().insert(from.out().end(), answer.begin(), answer.end());
    unsent_max = std::max(unsent_max, from.unsent());
  }
  void on_frames_end(FrameStream& from) override { from.flush(); }
  void on_closed(FrameStream&, CloseReason why) override {
    reason = why;
    stream.reset();
    uv_stop(&loop);
  }

  uv_loop_t loop;
  uv_timer_t sweep;
  const StreamLimits limits;
  std::unique_ptr<StreamLoop> shared;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<FrameStream> stream;
  wire::Encoder encoder;
  std::vector<std::byte> answer;
  std::string address;
  std::optional<CloseReason> reason;
  size_t frames = 0;
  size_t last_payload_bytes = 0;
  size_t unsent_max = 0;
  int sweeps = 0;
};

std::vector<std::byte> frame_of(size_t payload_bytes) {
  std::vector<std::byte> bytes(wire::kFrameHeaderBytes + payload_bytes);
  const auto size = static_cast<uint32_t>(payload_bytes);
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes;
}

TEST(FrameStream, EndsWithAReasonForEveryWayOfMisusingIt) {
  struct Case {
    const char* what;
    std::vector<std::byte> bytes;
    bool ends;
    CloseReason reason;
  };
  const Case cases[] = {
      {"the peer leaves between frames", frame_of(8), true, CloseReason::Peer},
      {"the peer leaves inside a frame", std::vector<std::byte>(5), true, CloseReason::Peer},
      {"a frame over the limit", frame_of(4104), false, CloseReason::Oversized},
      {"an empty frame", frame_of(0), false, CloseReason::Misaligned},
      {"half a header and no more", std::vector<std::byte>(5), false, CloseReason::SlowInput},
  };
  for (const Case& c : cases) {
    Echo echo({.frame_bytes_max = 4096, .partial_ms = 100});
    WirePeer peer(echo.address);
    peer.send(c.bytes);
    if (c.ends) peer.end_sending();
    uv_run(&echo.loop, UV_RUN_DEFAULT);
    ASSERT_TRUE(echo.reason) << c.what;
    EXPECT_EQ(*echo.reason, c.reason) << c.what << ": " << close_reason_name(*echo.reason);
  }
}

TEST(FrameStream, AReaderThatDoesNotReadIsHeldBackThenCut) {
  Echo echo({.unsent_pause_bytes = 64 * 1024, .stall_ms = 200}, 32 * 1024);
  WirePeer peer(echo.address, 4096);
  std::vector<std::byte> requests;
  for (int i = 0; i < 1000; ++i) {
    const std::vector<std::byte> frame = frame_of(8);
    requests.insert(requests.end(), frame.begin(), frame.end());
  }
  peer.send(requests);
  uv_run(&echo.loop, UV_RUN_DEFAULT);
  ASSERT_TRUE(echo.reason);
  EXPECT_EQ(*echo.reason, CloseReason::SlowReader);
  EXPECT_LT(echo.frames, 1000u);
  EXPECT_LT(echo.unsent_max, 200u * 1024);
}

TEST(FrameStream, AReaderThatIsSlowGetsEverything) {
  Echo echo({.unsent_pause_bytes = 64 * 1024}, 32 * 1024);
  WirePeer peer(echo.address, 4096);
  std::vector<std::byte> requests;
  for (int i = 0; i < 500; ++i) {
    const std::vector<std::byte> frame = frame_of(8);
    requests.insert(requests.end(), frame.begin(), frame.end());
  }
  peer.send(requests);
  peer.end_sending();
  size_t read = 0;
  std::thread reader([&] { read = peer.read_all().size(); });
  uv_run(&echo.loop, UV_RUN_DEFAULT);
  reader.join();
  EXPECT_EQ(*echo.reason, CloseReason::Peer);
  EXPECT_EQ(echo.frames, 500u);
  EXPECT_EQ(read, 500 * echo.answer.size());
}

TEST(FrameStream, AFrameLargerThanTheReadBufferArrivesWhole) {
  Echo echo({.frame_bytes_max = 1u << 20}, 8);
  WirePeer peer(echo.address);
  std::vector<std::byte> bytes = frame_of(8);
  for (const size_t size : {1u << 20, 8u, 300'000u, 16u * 1024, 24u}) {
    const std::vector<std::byte> frame = frame_of(size);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  std::thread writer([&] {
    peer.send(bytes);
    peer.end_sending();
    peer.read_all();
  });
  uv_run(&echo.loop, UV_RUN_DEFAULT);
  writer.join();
  EXPECT_EQ(*echo.reason, CloseReason::Peer);
  EXPECT_EQ(echo.frames, 6u);
  EXPECT_EQ(echo.last_payload_bytes, 24u);
}

}  // namespace
}  // namespace berth::net
