#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/net/client/scripted_server.h"
#include "wire/spec.h"

namespace berth::agent {

/// The server's side of jobs, played by hand for a real berth-agent: it agrees to everything,
/// unless told otherwise, and writes down what it hears as short lines.
///
/// Threads  the server has its own; members may be called from the test's
class JobServer {
 public:
  JobServer();

  std::string endpoint() const { return server_.endpoint(); }
  /// Ends every connection; with `away`, greets nobody until it is back.
  void drop(bool away = false);
  void come_back() { away_ = false; }

  // How it answers from now on.
  void lose_reports(bool lost) { lose_reports_ = lost; }
  /// This job's leases are somebody else's.
  void disown(uint64_t job);

  /// Pushes the first attempt of `job`, a shell script.
  void assign(uint64_t job, const std::string& script, uint32_t kill_grace_ms = 5'000);
  void stop(uint64_t job);
  void want_log(uint64_t job, uint32_t wait_ms);

  /// Whether `line` was heard, or is within a long time: `attach 1`, `started 1`, `failed 1 lost`,
  /// `log hello`. How often it was heard: `count`.
  bool heard(const std::string& line, size_t times = 1);
  size_t count(const std::string& line);
  std::string story();
  std::set<std::string> tags();
  std::set<std::string> labels();
  /// Of all attaches; one for each state directory.
  std::set<uint64_t> nonces();

 private:
  std::optional<wire::Reply> answer(const wire::Request& request);
  wire::Reply on_beat(const wire::Heartbeat& beat);
  wire::Reply on_attach(const wire::AttachWorker& attach);
  std::optional<wire::Reply> on_report(const wire::Report& report);
  std::span<const uint8_t> keep(std::vector<uint8_t> verdicts);
  void note(std::string line);
  bool is_disowned(wire::AssignmentId id) const { return disowned_.contains(id.job.value); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::set<std::string> tags_, labels_;
  std::set<uint64_t> nonces_, disowned_;
  bool profile_known_ = false;
  std::atomic<bool> away_{false};
  std::atomic<bool> lose_reports_{false};
  std::deque<std::vector<uint8_t>> verdicts_;  // what is sent outlives the server
  std::deque<std::vector<std::byte>> specs_;
  std::deque<wire::Assignment> assignments_;
  std::deque<wire::StopTask> stops_;
  wire::SpecEncoder encoder_;
  client::ScriptedServer server_;  // last: its thread uses the rest
};

/// A berth-agent of the build, as worker `w1`.
class RealAgent {
 public:
  RealAgent(
      const JobServer& server,
      const std::string& state_dir,
      const std::vector<std::string>& more = {});
  ~RealAgent();
  RealAgent(const RealAgent&) = delete;

  void signal(int number);
  /// The exit code; 128 and more: the signal that ended it.
  int wait();

 private:
  pid_t pid_ = -1;
};

}  // namespace berth::agent
