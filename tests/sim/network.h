#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/world.h"
#include "wire/frame.h"

namespace berth::sim {

class Network;

/// One end of a TCP connection: bytes arrive in order or not at all.
class Socket : public std::enable_shared_from_this<Socket> {
 public:
  std::function<void()> on_connected;
  std::function<void(std::span<const std::byte>)> on_bytes;
  std::function<void(const char* why)> on_closed;

  void send(std::vector<std::byte> bytes);
  /// Nothing is reported any more; the other end learns of it behind what was sent.
  void close();
  bool open() const { return open_; }

 private:
  friend class Network;
  enum class Kind : uint8_t { Connected, Bytes, Closed };
  struct Packet {
    Kind kind;
    std::vector<std::byte> bytes;
    const char* why = "";
  };

  void push(Packet packet);
  void deliver_next();

  Network* network_ = nullptr;
  Process* process_ = nullptr;
  uint64_t life_ = 0;
  std::shared_ptr<Socket> peer_;  // cleared when both ends are done
  bool open_ = true;
  std::deque<Packet> coming_;  // to this end, sent and not yet here
  Instant last_arrival_{};
  bool stalled_ = false;  // behind a partition
};

/// Who can reach whom, and how fast.
///
/// Bytes that meet a partition wait for its end, as TCP's retransmissions do. A process that is
/// killed resets its connections; a machine that loses power says nothing, until it is back and is
/// sent bytes for a connection that it does not know.
class Network {
 public:
  explicit Network(World& world) : world_(world) {}
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  using Accept = std::function<void(std::shared_ptr<Socket>)>;
  /// `process` listens while it is alive.
  void listen(Process& process, Accept accept) {
    listeners_[process.name()] = {&process, std::move(accept)};
  }
  std::shared_ptr<Socket> connect(Process& from, const std::string& to);

  void cut(const std::string& a, const std::string& b) {
    cut_one_way(a, b);
    cut_one_way(b, a);
  }
  /// What `from` sends does not arrive at `to`; the other way goes on.
  void cut_one_way(const std::string& from, const std::string& to) { cuts_.insert({from, to}); }
  void heal(const std::string& a, const std::string& b);
  void heal_all();
  /// Ends every connection between the two, both told.
  void reset(const std::string& a, const std::string& b);
  /// All connections of a process that ended; `silently`: nobody is told.
  void drop(Process& process, bool silently);

  Duration delay_least = Duration{100'000};
  Duration delay_most = Duration::milliseconds(2);

 private:
  friend class Socket;
  using Names = std::pair<std::string, std::string>;
  struct Listener {
    Process* process;
    Accept accept;
  };

  static Names pair(const std::string& a, const std::string& b) {
    return a < b ? Names{a, b} : Names{b, a};
  }
  bool is_cut(const std::string& from, const std::string& to) const {
    return !cuts_.empty() && cuts_.contains({from, to});
  }
  std::shared_ptr<Socket> make_socket(Process& process);
  void arrive_connect(const std::shared_ptr<Socket>& client, const std::string& to);
  void forget_closed();

  World& world_;
  std::map<std::string, Listener> listeners_;
  std::set<Names> cuts_;  ///< from, to
  std::vector<std::shared_ptr<Socket>> sockets_;
  std::vector<std::function<void()>> held_connects_;
};

/// Cuts a stream of bytes into frames, however it arrives.
class FrameReader {
 public:
  /// Calls `visit(frame)` for each whole frame. False: the stream is broken.
  template <typename Visit>
  bool feed(std::span<const std::byte> bytes, Visit&& visit) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    wire::Frame frame;
    size_t frame_bytes = 0;
    while (true) {
      wire::FrameStatus status =
          wire::next_frame(buffer_, wire::kMaxFrameBytesDefault, frame, frame_bytes);
      if (status == wire::FrameStatus::NeedMore) return true;
      if (status != wire::FrameStatus::Ok) return false;
      // The visitor may end the connection and this reader with it: it works on a copy.
      std::vector<std::byte> payload(frame.payload.begin(), frame.payload.end());
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(frame_bytes));
      visit(wire::Frame{frame.request, payload});
    }
  }

 private:
  std::vector<std::byte> buffer_;
};

}  // namespace berth::sim
