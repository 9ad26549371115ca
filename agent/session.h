#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/profile.h"
#include "core/base/rng.h"
#include "core/base/time.h"
#include "wire/messages.h"

namespace berth::agent {

enum class LogLevel : uint8_t { Info, Warning, Error };

/// Where the ids of a JobSession's requests begin, which shares its connection with a Session.
inline constexpr uint32_t kJobRequestIdFirst = 0x8000'0000;

// ---- Effects: what a session wants done ------------------------------------------------------

struct Connect {};

/// Drop the connection, or the attempt; nothing more is reported about it.
struct Disconnect {};

struct Send {
  wire::RequestId id;
  wire::Request message;  ///< points into the session, its profile and its vitals: encode at once
};

struct Log {
  LogLevel level = LogLevel::Info;
  std::string text;
};

/// The worker is registered: jobs may be asked for. Again, when the server had forgotten it.
struct Up {};

/// It is not any more: the connection is gone, or the server does not know the worker.
struct Down {};

/// The program must end: this life of the worker is over.
struct Exit {
  int code = 0;
  std::string reason;
};

using Effect = std::variant<Connect, Disconnect, Send, Log, Exit, Up, Down>;
using Effects = std::vector<Effect>;

struct SessionSettings {
  std::string server;  ///< HOST:PORT, for the log
  std::string token;
  std::string software;
  core::Duration interval = core::Duration::seconds(3);  ///< between beats, before jitter
  core::Duration backoff_min = core::Duration::milliseconds(100);
  core::Duration backoff_max = core::Duration::seconds(5);
  core::Duration greeting_max = core::Duration::seconds(5);  ///< to connect and be welcomed, each
};

enum class SessionState : uint8_t {
  Idle,        ///< not started
  BackingOff,  ///< waits to try again
  Connecting,
  Greeting,  ///< has sent Hello
  Up,        ///< beats
  Leaving,   ///< has said so, waits for the answer
  Stopped,
};

/// One agent's talk with one server: greets, registers, beats, obeys, comes back.
///
/// The profile goes out in full until this server has accepted it, when it changes and when the
/// server asks; every other beat is light. A beat that stays unanswered for 1.5 intervals (2 to 5
/// s) ends the connection, so that a server which vanished without a word costs no suspicion.
///
/// Shape    events and the time go in, effects come out; the owner calls `on_timer` at `deadline`
/// Threads  one
/// Memory   a few hundred bytes; `life`, `profile` and `vitals` are borrowed for its whole life
/// Errors   every failure leads to a jittered exponential back-off, but one: a newer life of the
///          same worker exists, which ends in Exit
class Session {
 public:
  Session(
      const SessionSettings& settings,
      Life& life,
      const Profile& profile,
      const Vitals& vitals,
      uint64_t seed);

  void start(core::Instant now, Effects& effects);
  void on_connected(core::Instant now, Effects& effects);
  /// The attempt failed, or the connection ended; `why` completes "… : WHY".
  void on_disconnected(core::Instant now, std::string_view why, Effects& effects);
  void on_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply, Effects& effects);
  void on_timer(core::Instant now, Effects& effects);
  /// `profile` has new content: tell the server now.
  void on_profile_changed(core::Instant now, Effects& effects);
  /// Says goodbye and ends; at most half a second later the state is Stopped.
  void stop(core::Instant now, Effects& effects);

  std::optional<core::Instant> deadline() const;
  SessionState state() const { return state_; }
  bool registered() const { return registered_; }

 private:
  struct Pending {
    wire::RequestId id;
    core::Instant sent;
    uint32_t profile = 0;  ///< which version it carried; 0: a light beat
  };

  void on_welcome(core::Instant now, const wire::Welcome& welcome, Effects& effects);
  void on_beat_reply(
      core::Instant now, const Pending& beat, const wire::HeartbeatReply& reply, Effects& effects);
  void on_refused(core::Instant now, const wire::Refused& refused, Effects& effects);
  void on_beat_refused(wire::Refusal code, wire::Text message, Effects& effects);
  void obey_drain(bool drain, Effects& effects);
  void on_overdue(core::Instant now, Effects& effects);

  void connect(core::Instant now, Effects& effects);
  void back_off(core::Instant now, std::string_view why, Effects& effects);
  void send_beat(core::Instant now, Effects& effects);
  wire::Heartbeat make_beat(bool full);
  std::optional<Pending> take_pending(wire::RequestId id);
  void set_registered(bool registered, Effects& effects);
  void end(Effects& effects);
  wire::RequestId next_request();
  core::Duration jittered(core::Duration duration, double spread);
  core::Duration reply_max() const;
  void log(LogLevel level, std::string text, Effects& effects);

  const SessionSettings settings_;
  Life& life_;
  const Profile& profile_;
  const Vitals& vitals_;
  core::Rng rng_;

  SessionState state_ = SessionState::Idle;
  core::Instant wake_{};  ///< the end of what the state waits for; beats have their own
  core::Instant next_beat_{};
  core::Instant reply_due_{};  ///< while beats are pending
  std::vector<Pending> pending_;
  uint32_t next_id_ = 1;

  uint32_t profile_version_ = 1;   ///< grows with every change of `profile_`
  uint32_t profile_accepted_ = 0;  ///< the version this server has; 0: none
  bool registered_ = false;        ///< a beat was accepted on this connection
  bool draining_ = false;
  uint32_t failures_ = 0;  ///< in a row, since the last accepted beat
  core::Instant logged_failure_{};
  std::string logged_refusal_;

  // What a full beat points to, gathered anew for each.
  std::vector<wire::Text> tags_;
  std::vector<wire::Label> labels_;
  std::vector<wire::Text> models_;
  std::vector<wire::NamedAmount> custom_;
  std::vector<wire::Text> running_;
};

}  // namespace berth::agent
