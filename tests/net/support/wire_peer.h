#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"

namespace berth::net {

/// A blocking socket of a test. Nothing waits longer than `kPatienceS`; what takes so long has
/// failed.
class WirePeer {
 public:
  static constexpr int kPatienceS = 30;

  /// `address` as servers print it. `receive_bytes` shrinks the socket's buffer for slow readers.
  explicit WirePeer(const std::string& address, int receive_bytes = 0);
  ~WirePeer();
  WirePeer(const WirePeer&) = delete;
  WirePeer& operator=(const WirePeer&) = delete;

  bool connected() const { return fd_ >= 0; }
  /// False when the other side has closed.
  bool send(std::span<const std::byte> bytes);
  bool send(const std::string& text);
  void end_sending();
  /// Everything until the other side closes.
  std::string read_all();
  /// Everything up to and with `mark`, or until the other side closes.
  std::string read_until(std::string_view mark);
  bool has_input() const;
  /// The end will be a reset, as when a process dies with something unread.
  void reset_on_close();

  void send(wire::RequestId id, const wire::Request& request);
  /// The next reply, valid until the next call; nothing when the connection was closed.
  struct Answer {
    wire::RequestId id;
    wire::Reply reply;
  };
  std::optional<Answer> receive();
  /// Sends Hello and expects Welcome.
  bool greet(const std::string& token = "");
  Answer ask(const wire::Request& request);

 private:
  int fd_ = -1;
  uint32_t last_id_ = 0;
  std::vector<std::byte> input_;
  size_t taken_ = 0;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
};

}  // namespace berth::net
