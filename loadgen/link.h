#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <uv.h>

#include "core/base/time.h"
#include "net/frame_stream.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/messages.h"

namespace berth::loadgen {

/// Why the run cannot go on, and the exit code that says so. Empty sentence: it can.
struct Failure {
  int exit_code = 0;
  std::string sentence;
  explicit operator bool() const { return !sentence.empty(); }
};

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 5;

/// Who has something to do from time to time.
class TurnUser {
 public:
  virtual ~TurnUser() = default;
  /// Called in every turn of the loop, before it sleeps. Returns when to be called again at the
  /// latest; the far future if only for what comes in.
  virtual core::Instant on_turn(core::Instant now) = 0;
};

/// One thread's event loop and what its links share.
///
/// A uv timer is a millisecond coarse, so that the last millisecond before something is due is
/// spent turning without sleep.
///
/// Threads  the one that runs it
/// Memory   one read buffer, one encoder, one decoder for all links
class LinkLoop {
 public:
  LinkLoop();
  ~LinkLoop();
  LinkLoop(const LinkLoop&) = delete;
  LinkLoop& operator=(const LinkLoop&) = delete;

  /// Turns until `done()`, which is asked in every turn, or until `deadline`. True if done.
  bool run_until(const std::function<bool()>& done, core::Instant deadline);
  void add(TurnUser& user) { users_.push_back(&user); }
  void remove(TurnUser& user);

  static core::Instant now() { return {static_cast<int64_t>(uv_hrtime())}; }

  uv_loop_t uv;
  std::unique_ptr<net::StreamLoop> streams;
  net::StreamLimits limits;
  wire::Encoder encoder;
  wire::Decoder decoder;
  wire::Reply reply;  ///< the one being handled

 private:
  void before_sleep();

  uv_prepare_t prepare_;
  uv_idle_t spin_;
  uv_timer_t alarm_;
  std::vector<TurnUser*> users_;
};

class Link;

/// Who is told what a link sees.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual void on_welcome(Link&, const wire::Welcome&) {}
  /// `now` is when the bytes were read; the same for all replies of one read.
  virtual void on_reply(Link&, core::Instant now, wire::RequestId, const wire::Reply&) = 0;
  /// All replies of one read have been handed out; what is in `out()` now leaves in one write.
  virtual void on_turn_end(Link&, core::Instant) {}
  /// The connection is gone, or never came to be; the sentence says why. The last call.
  virtual void on_lost(Link&, const std::string& why) = 0;
};

/// One connection to the server: connects, says Hello, then hands replies to its user.
///
/// Memory   that of its stream
/// Errors   all end in one `on_lost`
class Link final : private net::FrameHandler {
 public:
  struct Options {
    const sockaddr* server = nullptr;
    std::string server_text;  ///< as the user wrote it, for messages
    wire::Role role = wire::Role::Client;
    std::string identity;
    std::string token;
    uint32_t number = 0;  ///< what the user tells its links apart by
  };

  Link(LinkLoop& loop, LinkUser& user, const Options& options);
  ~Link() override;

  void connect();
  /// Ends it; no more calls follow. The link may be destroyed when `closed()`.
  void close();
  bool closed() const { return closed_; }
  bool welcomed() const { return welcomed_; }
  const wire::Welcome& welcome() const { return welcome_; }  ///< its texts are gone
  uint32_t number() const { return options_.number; }

  std::vector<std::byte>& out() { return stream_.out(); }
  void flush() { stream_.flush(); }

 private:
  void on_connected(net::FrameStream&) override;
  void on_frame(net::FrameStream&, const wire::Frame& frame) override;
  void on_frames_end(net::FrameStream&) override;
  void on_end(net::FrameStream&) override;
  void on_closed(net::FrameStream&, net::CloseReason reason) override;
  void lose(const std::string& why);

  LinkLoop& loop_;
  LinkUser& user_;
  Options options_;
  net::FrameStream stream_;
  core::Instant read_at_;  // of the replies being handed out; 0: not yet known
  wire::Welcome welcome_;
  bool welcomed_ = false;
  bool started_ = false;
  bool closed_ = false;
  bool told_ = false;
};

}  // namespace berth::loadgen
