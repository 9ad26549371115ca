#include "loadgen/control.h"

#include <limits>

#include "loadgen/reply_text.h"

namespace berth::loadgen {
namespace {

constexpr core::Duration kGreetingPatience = core::Duration::seconds(10);

}  // namespace

Control::Control(LinkLoop& loop, const Link::Options& options)
    : loop_(loop), server_text_(options.server_text), link_(loop, *this, options) {}

Control::~Control() {
  link_.close();
  auto closed = [this] {
    return link_.closed();
  };
  (void)loop_.run_until(closed, {std::numeric_limits<int64_t>::max()});  // needs nobody's answer
}

Failure Control::connect() {
  link_.connect();
  auto welcomed = [this] {
    return failure_ || link_.welcomed();
  };
  if (!loop_.run_until(welcomed, LinkLoop::now() + kGreetingPatience)) {
    return {kExitUnreachable, "no greeting from the server at " + server_text_ + " within 10 s"};
  }
  return failure_;
}

Failure Control::usage(ServerUsage& usage) {
  Failure wrong;
  Failure failure = ask(wire::GetStats{}, [&](const wire::Reply& reply) {
    const auto* stats = std::get_if<wire::StatsReply>(&reply);
    if (stats == nullptr) {
      wrong = {kExitFailed, "the server answered " + describe(reply)};
      return;
    }
    for (const wire::Stat& stat : stats->stats) {
      if (stat.shard >= 0) continue;
      if (stat.name == "process_cpu_seconds_total") usage.cpu_s = stat.value;
      if (stat.name == "process_resident_memory_bytes") usage.rss_bytes = stat.value;
    }
  });
  return failure ? failure : wrong;
}

Failure Control::watch(const std::string& worker_prefix) {
  prefix_ = worker_prefix;
  Failure wrong;
  Failure failure = ask(wire::Watch{.enable = true}, [&](const wire::Reply& reply) {
    if (std::holds_alternative<wire::Done>(reply)) return;
    wrong = {kExitFailed, "the server answered " + describe(reply)};
  });
  return failure ? failure : wrong;
}

Failure Control::ask(
    const wire::Request& request,
    const std::function<void(const wire::Reply&)>& on_answer,
    core::Duration patience) {
  if (failure_) return failure_;
  answered_ = false;
  on_answer_ = on_answer;
  loop_.encoder.encode(wire::RequestId{++last_id_}, request, link_.out());
  link_.flush();
  auto done = [this] {
    return failure_ || answered_;
  };
  bool in_time = loop_.run_until(done, LinkLoop::now() + patience);
  on_answer_ = nullptr;
  if (in_time) return failure_;
  return {
      kExitFailed,
      "the server at " + server_text_ + " did not answer within " +
          std::to_string(patience.ms() / 1000) + " s"};
}

void Control::on_reply(Link&, core::Instant, wire::RequestId id, const wire::Reply& reply) {
  if (const auto* event = std::get_if<wire::WorkerEvent>(&reply)) {
    bool silent = event->change == wire::WorkerChange::Suspicious ||
                  event->change == wire::WorkerChange::Offline;
    if (silent && event->worker.starts_with(prefix_)) ++suspicions_;
    return;
  }
  if (id.value != last_id_) return;
  answered_ = true;
  if (on_answer_) on_answer_(reply);
}

void Control::on_lost(Link& link, const std::string& why) {
  if (!failure_) failure_ = {link.welcomed() ? kExitFailed : kExitUnreachable, why};
}

}  // namespace berth::loadgen
