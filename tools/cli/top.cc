#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>

#include "tools/cli/commands.h"
#include "tools/cli/terminal.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

using Clock = std::chrono::steady_clock;

// More rows than any terminal shows.
constexpr uint32_t kRowsMax = 500;

struct Sample {
  Clock::time_point at;
  std::map<std::string, double> stats;  ///< of the process: its own number, or its shards' sum
  client::WorkerPage page;
  std::string endpoint;
};

std::map<std::string, double> of_process(const std::vector<client::Stat>& stats) {
  std::map<std::string, double> sums;
  std::map<std::string, double> own;
  for (const client::Stat& stat : stats) {
    (stat.shard < 0 ? own : sums)[stat.name] += stat.value;
  }
  own.merge(sums);
  return own;
}

client::Result<Sample> take_sample(client::BlockingClient& berth) {
  Sample sample{.at = Clock::now()};
  auto server = berth.server();
  if (!server) return server.error();
  auto stats = berth.stats();
  if (!stats) return stats.error();
  auto page = berth.list_workers({.limit = kRowsMax});
  if (!page) return page.error();
  sample.endpoint = server->endpoint;
  sample.stats = of_process(*stats);
  sample.page = std::move(page).value();
  return sample;
}

double stat_of(const Sample& sample, const char* name) {
  const auto found = sample.stats.find(name);
  return found == sample.stats.end() ? 0 : found->second;
}

// A counter's growth a second since the sample before; since the start when there is none.
std::string rate_text(const Sample& now, const std::optional<Sample>& before, const char* name) {
  if (!before) return "-";
  const double seconds = std::chrono::duration<double>(now.at - before->at).count();
  char text[32];
  std::snprintf(
      text, sizeof(text), "%.0f", (stat_of(now, name) - stat_of(*before, name)) / seconds);
  return text;
}

std::string frame(const Sample& now, const std::optional<Sample>& before, bool terminal) {
  size_t by_status[3] = {};
  for (const client::Worker& worker : now.page.workers) {
    ++by_status[static_cast<size_t>(worker.status)];
  }
  std::string text = "berth top  " + now.endpoint + "\n";
  text += "workers " + std::to_string(now.page.total) + " (" + std::to_string(by_status[0]) +
          " online, " + std::to_string(by_status[1]) + " suspicious, " +
          std::to_string(by_status[2]) + " offline";
  if (now.page.next_cursor != 0) {
    text += " of the first " + std::to_string(now.page.workers.size());
  }
  text += ")   placements/s " + rate_text(now, before, "berth_placements_total") +
          "   heartbeats/s " + rate_text(now, before, "berth_heartbeats_total") + "\n\n";
  return text + worker_table(now.page.workers).text(terminal);
}

}  // namespace

Exit run_top(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  client::Result<Sample> sample = take_sample(*berth);
  if (!sample) return session.fail(sample.error());
  const Invocation& asked = session.invocation();
  if (asked.json) {
    Json workers = Json::array();
    for (const client::Worker& worker : sample->page.workers)
      workers.push_back(worker_json(worker));
    const Json json = {
        {"workers", workers}, {"total", sample->page.total}, {"stats", sample->stats}};
    return write_out(to_line(json)) ? Exit::Ok : Exit::Failed;
  }
  if (isatty(STDOUT_FILENO) != 1 || isatty(STDIN_FILENO) != 1) {
    return write_out(frame(*sample, std::nullopt, false)) ? Exit::Ok : Exit::Failed;
  }
  const FullScreen screen;
  std::optional<Sample> before;
  std::string trouble;
  do {
    if (sample) {
      screen.show(frame(*sample, before, true));
      before = std::move(sample).value();
    } else {
      screen.show("berth top: " + sample.error().message + "\ntrying again; q leaves\n");
    }
    if (!screen.stay(static_cast<int>(asked.interval.count()))) break;
    sample = take_sample(*berth);
  } while (true);
  return Exit::Ok;
}

}  // namespace berth::cli
