#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>

#include "net/forms/times.h"
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

std::string count_of(const Sample& now, const char* name) {
  return std::to_string(static_cast<uint64_t>(stat_of(now, name)));
}

/// How long a commit took: of those since the sample before, or of all of them.
std::string commit_text(const Sample& now, const std::optional<Sample>& before) {
  const auto since = [&](const char* name) {
    return stat_of(now, name) - (before ? stat_of(*before, name) : 0);
  };
  const double commits = since("berth_store_commits_total");
  if (commits <= 0) return "-";
  char text[32];
  const double ms = since("berth_store_commit_seconds_sum") * 1e3 / commits;
  std::snprintf(text, sizeof(text), "%.2fms", ms);
  return text;
}

std::string workers_text(const Sample& now, const std::optional<Sample>& before) {
  size_t by_status[3] = {};
  for (const client::Worker& worker : now.page.workers) {
    ++by_status[static_cast<size_t>(worker.status)];
  }
  std::string text = "workers " + std::to_string(now.page.total) + " (" +
                     std::to_string(by_status[0]) + " online, " + std::to_string(by_status[1]) +
                     " suspicious, " + std::to_string(by_status[2]) + " offline";
  if (now.page.next_cursor != 0) {
    text += " of the first " + std::to_string(now.page.workers.size());
  }
  return text + ")   placements/s " + rate_text(now, before, "berth_placements_total") +
         "   heartbeats/s " + rate_text(now, before, "berth_heartbeats_total") + "\n";
}

std::string jobs_text(const Sample& now, const std::optional<Sample>& before) {
  const double oldest_s = stat_of(now, "berth_jobs_oldest_pending_seconds");
  const bool pending = stat_of(now, "berth_jobs_pending") > 0;
  return "jobs " + count_of(now, "berth_jobs_pending") + " pending, " +
         count_of(now, "berth_jobs_assigned") + " assigned, " +
         count_of(now, "berth_jobs_running") + " running, " + count_of(now, "berth_jobs_retrying") +
         " retrying   kept " + count_of(now, "berth_jobs_kept_completed") + " completed, " +
         count_of(now, "berth_jobs_kept_failed") + " failed, " +
         count_of(now, "berth_jobs_kept_aborted") + " aborted\n" + "completed/s " +
         rate_text(now, before, "berth_jobs_completed_total") + "   failed/s " +
         rate_text(now, before, "berth_jobs_failed_total") + "   oldest pending " +
         (pending ? format_length(static_cast<int64_t>(oldest_s * 1e3)) : "-") + "   commit " +
         commit_text(now, before) + "\n";
}

std::string frame(const Sample& now, const std::optional<Sample>& before, bool terminal) {
  return "berth top  " + now.endpoint + "\n" + workers_text(now, before) + jobs_text(now, before) +
         "\n" + worker_table(now.page.workers).text(terminal);
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
