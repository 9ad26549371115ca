#include "loadgen/control.h"

#include <limits>

#include "loadgen/reply_text.h"

namespace berth::loadgen {
namespace {

constexpr core::Duration kPatience = core::Duration::seconds(10);

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
  if (!loop_.run_until(welcomed, LinkLoop::now() + kPatience)) {
    return {kExitUnreachable, "no greeting from the server at " + server_text_ + " within 10 s"};
  }
  return failure_;
}

Failure Control::usage(ServerUsage& usage) {
  if (Failure failure = ask(wire::GetStats{})) return failure;
  usage = usage_;
  return {};
}

Failure Control::watch(const std::string& worker_prefix) {
  prefix_ = worker_prefix;
  return ask(wire::Watch{.enable = true});
}

Failure Control::ask(const wire::Request& request) {
  if (failure_) return failure_;
  answered_ = false;
  loop_.encoder.encode(wire::RequestId{++last_id_}, request, link_.out());
  link_.flush();
  auto done = [this] {
    return failure_ || answered_;
  };
  if (!loop_.run_until(done, LinkLoop::now() + kPatience)) {
    return {kExitFailed, "the server at " + server_text_ + " did not answer within 10 s"};
  }
  return failure_;
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
  if (const auto* stats = std::get_if<wire::StatsReply>(&reply)) {
    for (const wire::Stat& stat : stats->stats) {
      if (stat.shard >= 0) continue;
      if (stat.name == "process_cpu_seconds_total") usage_.cpu_s = stat.value;
      if (stat.name == "process_resident_memory_bytes") usage_.rss_bytes = stat.value;
    }
  } else if (!std::holds_alternative<wire::Done>(reply)) {
    failure_ = {kExitFailed, "the server answered " + describe(reply)};
  }
}

void Control::on_lost(Link& link, const std::string& why) {
  if (!failure_) failure_ = {link.welcomed() ? kExitFailed : kExitUnreachable, why};
}

}  // namespace berth::loadgen
