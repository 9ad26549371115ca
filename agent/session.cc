#include "agent/session.h"

#include <algorithm>
#include <utility>

namespace berth::agent {

namespace {

using core::Duration;
using core::Instant;

constexpr int kExitConflict = 6;
constexpr Duration kLeavingMax = Duration::milliseconds(500);
constexpr Duration kLogFailuresEvery = Duration::seconds(60);
/// A timer that fires later than this says that we were frozen, not that the server is silent.
constexpr Duration kFrozenAfter = Duration::seconds(1);

}  // namespace

Session::Session(
    const SessionSettings& settings,
    Life& life,
    const Profile& profile,
    const Vitals& vitals,
    uint64_t seed)
    : settings_(settings), life_(life), profile_(profile), vitals_(vitals), rng_(seed) {}

void Session::start(Instant now, Effects& effects) {
  connect(now, effects);
}

void Session::connect(Instant now, Effects& effects) {
  state_ = SessionState::Connecting;
  wake_ = now + settings_.greeting_max;
  effects.push_back(Connect{});
}

void Session::on_connected(Instant now, Effects& effects) {
  if (state_ != SessionState::Connecting) return;
  state_ = SessionState::Greeting;
  wake_ = now + settings_.greeting_max;
  wire::Hello hello;
  hello.role = wire::Role::Agent;
  hello.identity = life_.worker;
  hello.token = settings_.token;
  hello.software = settings_.software;
  effects.push_back(Send{next_request(), hello});
}

void Session::on_disconnected(Instant now, std::string_view why, Effects& effects) {
  if (state_ == SessionState::Stopped || state_ == SessionState::Idle) return;
  if (state_ == SessionState::Leaving) return end(effects);
  back_off(now, why, effects);
}

void Session::back_off(Instant now, std::string_view why, Effects& effects) {
  if (failures_ == 0 || now - logged_failure_ >= kLogFailuresEvery) {
    logged_failure_ = now;
    std::string times = failures_ == 0 ? "" : " (attempt " + std::to_string(failures_ + 1) + ")";
    log(LogLevel::Warning,
        "not connected to " + settings_.server + ": " + std::string(why) + times + "; trying again",
        effects);
  }
  uint32_t doublings = std::min(failures_, 16u);
  Duration longest =
      std::min(settings_.backoff_min * (int64_t{1} << doublings), settings_.backoff_max);
  // Between half and all of it: agents that lost the same server must not come back as one.
  Duration wait{longest.ns / 2 + static_cast<int64_t>(rng_.unit() * (longest.ns / 2.0))};
  ++failures_;
  pending_.clear();
  set_registered(false, effects);
  state_ = SessionState::BackingOff;
  wake_ = now + wait;
}

void Session::on_reply(
    Instant now, wire::RequestId id, const wire::Reply& reply, Effects& effects) {
  if (const auto* welcome = std::get_if<wire::Welcome>(&reply)) {
    if (state_ == SessionState::Greeting) on_welcome(now, *welcome, effects);
    return;
  }
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
    (void)take_pending(id);  // answered, if not as hoped; a refused Hello was never pending
    on_refused(now, *refused, effects);
    return;
  }
  const auto* beat_reply = std::get_if<wire::HeartbeatReply>(&reply);
  if (beat_reply == nullptr) return;  // a message of a newer server that an agent need not know
  std::optional<Pending> beat = take_pending(id);
  if (!beat.has_value()) return;
  if (state_ == SessionState::Leaving) {
    if (!pending_.empty()) return;  // the goodbye was the last beat sent
    effects.push_back(Disconnect{});
    end(effects);
  } else {
    on_beat_reply(now, *beat, *beat_reply, effects);
  }
}

void Session::on_welcome(Instant now, const wire::Welcome& welcome, Effects& effects) {
  state_ = SessionState::Up;
  if (settings_.interval.ms() * 2 > welcome.suspicious_after_ms &&
      welcome.suspicious_after_ms > 0) {
    log(LogLevel::Warning,
        "--interval " + std::to_string(settings_.interval.ms()) + " ms is over half of the " +
            std::to_string(welcome.suspicious_after_ms) + " ms after which " + settings_.server +
            " suspects a silent worker; use a shorter one",
        effects);
  }
  send_beat(now, effects);
}

void Session::on_beat_reply(
    Instant now, const Pending& beat, const wire::HeartbeatReply& reply, Effects& effects) {
  if (reply.accepted) {
    failures_ = 0;
    logged_refusal_.clear();
    if (beat.profile != 0) profile_accepted_ = beat.profile;
    // A light beat that is answered with "resend" was noted, but the worker is not registered.
    if (!registered_ && !reply.resend_profile) {
      set_registered(true, effects);
      log(LogLevel::Info, "registered with " + settings_.server, effects);
    }
    obey_drain(reply.drain, effects);
  } else if (!reply.resend_profile) {
    on_beat_refused(reply.code, reply.message, effects);
  }
  if (reply.resend_profile) {
    profile_accepted_ = 0;
    set_registered(false, effects);
    // At once, but only in answer to a light beat: a server that keeps asking must not be able to
    // turn us into a flood.
    if (beat.profile == 0 && state_ == SessionState::Up) {
      log(LogLevel::Info, settings_.server + " asks for the whole profile; sending it", effects);
      send_beat(now, effects);
    }
  }
}

void Session::on_refused(Instant now, const wire::Refused& refused, Effects& effects) {
  if (state_ == SessionState::Up) {
    on_beat_refused(refused.code, refused.message, effects);
  } else if (state_ == SessionState::Greeting) {
    effects.push_back(Disconnect{});
    // A wrong token or version does not heal in milliseconds: go straight to the longest wait.
    if (refused.code != wire::Refusal::Busy) failures_ = std::max(failures_, 16u);
    if (logged_refusal_ != refused.message) {
      logged_refusal_ = refused.message;
      failures_ = failures_ == 0 ? 1 : failures_;
      logged_failure_ = now;
      log(LogLevel::Error,
          settings_.server + " refuses this agent: " + logged_refusal_ + "; trying again",
          effects);
    }
    back_off(now, refused.message, effects);
  }
}

void Session::on_beat_refused(wire::Refusal code, wire::Text message, Effects& effects) {
  if (code == wire::Refusal::Conflict) {
    std::string reason = "a newer agent has taken over worker " + life_.worker + " at " +
                         settings_.server + ": stop one of the two, or give it its own --id";
    log(LogLevel::Error, reason, effects);
    effects.push_back(Disconnect{});
    end(effects);
    effects.push_back(Exit{kExitConflict, std::move(reason)});
    return;
  }
  // An earlier beat overtaken by a later one on another connection: nothing is wrong.
  if (code == wire::Refusal::Stale) return;
  if (logged_refusal_ == message) return;
  logged_refusal_ = message;
  log(LogLevel::Error, settings_.server + " refuses our heartbeat: " + logged_refusal_, effects);
}

void Session::obey_drain(bool drain, Effects& effects) {
  if (drain == draining_) return;
  draining_ = drain;
  log(LogLevel::Info,
      drain ? "draining: " + settings_.server + " gives this worker no new tasks"
            : "no longer draining: " + settings_.server + " gives this worker tasks again",
      effects);
}

void Session::on_timer(Instant now, Effects& effects) {
  switch (state_) {
    case SessionState::BackingOff:
      if (now >= wake_) connect(now, effects);
      break;
    case SessionState::Connecting:
    case SessionState::Greeting:
      if (now < wake_) break;
      effects.push_back(Disconnect{});
      back_off(
          now,
          state_ == SessionState::Connecting ? "connecting took too long" : "it does not answer",
          effects);
      break;
    case SessionState::Up:
      if (!pending_.empty() && now >= reply_due_) on_overdue(now, effects);
      if (state_ == SessionState::Up && now >= next_beat_) send_beat(now, effects);
      break;
    case SessionState::Leaving:
      if (now < wake_) break;
      effects.push_back(Disconnect{});
      end(effects);
      break;
    case SessionState::Idle:
    case SessionState::Stopped: break;
  }
}

void Session::on_overdue(Instant now, Effects& effects) {
  if (now - reply_due_ > kFrozenAfter) {
    // The answer may be in the socket already, but timers run before sockets are read.
    reply_due_ = now + kFrozenAfter;
    return;
  }
  effects.push_back(Disconnect{});
  back_off(
      now, "no answer to a heartbeat for " + std::to_string(reply_max().ms()) + " ms", effects);
}

void Session::on_profile_changed(Instant now, Effects& effects) {
  ++profile_version_;
  if (state_ == SessionState::Up) send_beat(now, effects);
}

void Session::stop(Instant now, Effects& effects) {
  if (state_ == SessionState::Stopped) return;
  if (state_ != SessionState::Up) {
    if (state_ == SessionState::Connecting || state_ == SessionState::Greeting)
      effects.push_back(Disconnect{});
    state_ = SessionState::Stopped;
    return;
  }
  wire::Heartbeat beat = make_beat(false);
  beat.leaving = true;
  wire::RequestId id = next_request();
  pending_.push_back({id, now, 0});
  effects.push_back(Send{id, beat});
  state_ = SessionState::Leaving;
  wake_ = now + kLeavingMax;
}

void Session::send_beat(Instant now, Effects& effects) {
  bool full = profile_accepted_ != profile_version_;
  wire::RequestId id = next_request();
  if (pending_.empty()) reply_due_ = now + reply_max();
  pending_.push_back({id, now, full ? profile_version_ : 0});
  effects.push_back(Send{id, make_beat(full)});
  next_beat_ = now + jittered(settings_.interval, 0.1);
}

wire::Heartbeat Session::make_beat(bool full) {
  wire::Heartbeat beat;
  beat.worker = life_.worker;
  beat.epoch = life_.epoch;
  beat.sequence = ++life_.sequence;
  beat.current_tasks = vitals_.current_tasks;
  beat.has_running = vitals_.has_running;
  running_.assign(vitals_.running_tasks.begin(), vitals_.running_tasks.end());
  beat.running_tasks = running_;
  beat.usage = vitals_.usage;
  if (!full) return beat;

  tags_.assign(profile_.tags.begin(), profile_.tags.end());
  models_.assign(profile_.gpu_models.begin(), profile_.gpu_models.end());
  labels_.clear();
  for (const NamedText& label : profile_.labels)
    labels_.push_back({label.key, label.value});
  custom_.clear();
  for (const NamedCount& custom : profile_.custom)
    custom_.push_back({custom.name, custom.amount});

  beat.has_profile = true;
  beat.address = profile_.address;
  beat.tags = tags_;
  beat.labels = labels_;
  beat.capacity = {
      .slots = profile_.slots,
      .cpu_milli = profile_.cpu_milli,
      .memory_mib = profile_.memory_mib,
      .disk_mib = profile_.disk_mib,
      .network_mbit = profile_.network_mbit,
      .gpu_models = models_,
      .custom = custom_};
  beat.agent_version = profile_.software;
  return beat;
}

void Session::set_registered(bool registered, Effects& effects) {
  if (registered == registered_) return;
  registered_ = registered;
  if (registered) effects.push_back(Up{});
  if (!registered) effects.push_back(Down{});
}

void Session::end(Effects& effects) {
  state_ = SessionState::Stopped;
  set_registered(false, effects);
}

wire::RequestId Session::next_request() {
  wire::RequestId id{next_id_++};
  if (next_id_ == kJobRequestIdFirst) next_id_ = 1;  // 0 marks what the server starts
  return id;
}

std::optional<Session::Pending> Session::take_pending(wire::RequestId id) {
  auto found = std::find_if(
      pending_.begin(), pending_.end(), [id](const Pending& beat) { return beat.id == id; });
  if (found == pending_.end()) return std::nullopt;
  Pending beat = *found;
  pending_.erase(found);
  if (!pending_.empty()) reply_due_ = pending_.front().sent + reply_max();
  return beat;
}

std::optional<Instant> Session::deadline() const {
  switch (state_) {
    case SessionState::Idle:
    case SessionState::Stopped: return std::nullopt;
    case SessionState::Up: return pending_.empty() ? next_beat_ : std::min(next_beat_, reply_due_);
    default: return wake_;
  }
}

/// Evenly spread over ±`spread` of itself.
Duration Session::jittered(Duration duration, double spread) {
  double factor = 1.0 + spread * (2.0 * rng_.unit() - 1.0);
  return {static_cast<int64_t>(static_cast<double>(duration.ns) * factor)};
}

Duration Session::reply_max() const {
  Duration most{settings_.interval.ns / 2 * 3};
  return std::clamp(most, Duration::seconds(2), Duration::seconds(5));
}

void Session::log(LogLevel level, std::string text, Effects& effects) {
  effects.push_back(Log{level, std::move(text)});
}

}  // namespace berth::agent
