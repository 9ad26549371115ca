#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "tools/cli/commands.h"
#include "tools/cli/table.h"

namespace berth::cli {
namespace {

constexpr uint32_t kPingsDefault = 4;

std::string number_text(double value) {
  char text[32];
  const bool whole = value == static_cast<double>(static_cast<int64_t>(value));
  std::snprintf(text, sizeof(text), whole ? "%.0f" : "%.6g", value);
  return text;
}

std::string stats_text(const std::vector<client::Stat>& stats, bool terminal) {
  Table table({{"NAME"}, {"SHARD", Table::Align::Right}, {"VALUE", Table::Align::Right}});
  for (const client::Stat& stat : stats) {
    table.add(
        {stat.name, stat.shard < 0 ? "-" : std::to_string(stat.shard), number_text(stat.value)});
  }
  return table.text(terminal);
}

struct PingTimes {
  double least_us = 0;
  double mean_us = 0;
  double most_us = 0;
};

PingTimes summary(const std::vector<double>& times_us) {
  PingTimes times{times_us.front(), 0, times_us.front()};
  for (const double each : times_us) {
    times.least_us = std::min(times.least_us, each);
    times.most_us = std::max(times.most_us, each);
    times.mean_us += each / static_cast<double>(times_us.size());
  }
  return times;
}

}  // namespace

Exit run_stats(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const auto stats = berth->stats();
  if (!stats) return session.fail(stats.error());
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const bool json = session.invocation().json;
  return write_out(json ? to_line(stats_json(*stats)) : stats_text(*stats, terminal))
             ? Exit::Ok
             : Exit::Failed;
}

Exit run_tags(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const auto tags = berth->tags();
  if (!tags) return session.fail(tags.error());
  if (session.invocation().json) {
    return write_out(to_line(tags_json(*tags))) ? Exit::Ok : Exit::Failed;
  }
  Table table({{"TAG"}, {"WORKERS", Table::Align::Right}});
  for (const client::TagCount& each : *tags)
    table.add({each.tag, std::to_string(each.workers)});
  return write_out(table.text(isatty(STDOUT_FILENO) == 1)) ? Exit::Ok : Exit::Failed;
}

Exit run_ping(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const client::Result<client::ServerInfo> server = berth->server();
  if (!server) return session.fail(server.error());
  std::vector<double> times_us;
  const uint32_t count = asked.count == 0 ? kPingsDefault : asked.count;
  for (uint32_t i = 0; i < count; ++i) {
    if (i > 0) std::this_thread::sleep_for(asked.interval);
    const auto time = berth->ping();
    if (!time) return session.fail(time.error());
    times_us.push_back(static_cast<double>(time->count()) / 1000.0);
    if (asked.json) continue;
    char line[64];
    std::snprintf(line, sizeof(line), ": %.0f us\n", times_us.back());
    if (!write_out(server->endpoint + line)) return Exit::Failed;
  }
  const PingTimes times = summary(times_us);
  if (asked.json) {
    const Json json = {
        {"endpoint", server->endpoint},
        {"software", server->software},
        {"count", count},
        {"rtt_us", {{"min", times.least_us}, {"mean", times.mean_us}, {"max", times.most_us}}}};
    return write_out(to_line(json)) ? Exit::Ok : Exit::Failed;
  }
  char line[128];
  std::snprintf(
      line,
      sizeof(line),
      "min %.0f us, mean %.0f us, max %.0f us; ",
      times.least_us,
      times.mean_us,
      times.most_us);
  return write_out(line + printable(server->software) + "\n") ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
