#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <uv.h>

#include "net/frame_stream.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace berth::client {

/// A server that misbehaves on demand, for what a real one does too seldom to wait for: silence,
/// refusals, connections that end in the middle.
///
/// Threads  one of its own; `script` runs there. Members may be called from any other
class ScriptedServer final : private net::FrameHandler {
 public:
  /// The answer to a request, or nothing for none. Hello is answered with Welcome unless the script
  /// answers it. Text in the reply must outlive the call.
  using Script = std::function<std::optional<wire::Reply>(const wire::Request&)>;

  explicit ScriptedServer(Script script, uint16_t port = 0);
  ~ScriptedServer() override;

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }
  int greetings() const { return greetings_; }
  /// Ends every connection at once.
  void drop_connections();
  /// With request id 0, on every connection. What `event` points to outlives the server.
  void send_event(const wire::Reply& event);

 private:
  void run(std::function<void()> task);
  void on_acceptable();
  void on_frame(net::FrameStream& stream, const wire::Frame& frame) override;
  void on_frames_end(net::FrameStream& stream) override { stream.flush(); }
  void on_end(net::FrameStream& stream) override { stream.close(net::CloseReason::Peer); }
  void on_closed(net::FrameStream& stream, net::CloseReason reason) override;

  const Script script_;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<int> greetings_{0};
  uv_loop_t loop_;
  uv_poll_t poll_;
  uv_async_t async_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
  std::unique_ptr<net::StreamLoop> shared_;
  net::StreamLimits limits_;
  wire::Decoder decoder_;
  wire::Encoder encoder_;
  std::vector<net::FrameStream*> streams_;
  std::thread thread_;
};

}  // namespace berth::client
