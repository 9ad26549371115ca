#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <uv.h>

#include "agent/advertise.h"
#include "agent/job_host.h"
#include "agent/link.h"
#include "agent/nvml.h"
#include "agent/options.h"
#include "agent/sampler.h"

namespace berth::agent {

/// What this machine is, whatever is asked for.
Platform read_platform(const Nvml& nvml, const std::string& software);

/// `path`, or the nearest directory above it that exists: whose file system it will be on.
std::filesystem::path nearest_directory(std::filesystem::path path);

/// How the runner of tasks is to be, by the options.
RunnerSettings runner_settings(const Options& options, const std::filesystem::path& jobs_directory);

/// One running agent: a link to each server, jobs from the first of them, the machine sampled on a
/// timer, SIGTERM and SIGINT.
///
/// Threads  the one that calls `run`
/// Memory   a session, a timer and a socket for each server; one read buffer for all
/// Errors   `run` returns the exit code of the program
class Agent {
 public:
  /// `jobs_directory` is where tasks are kept from one life to the next.
  Agent(
      const Options& options,
      const Life& life,
      const std::filesystem::path& jobs_directory,
      uint64_t seed,
      LogSink log);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  int run();

 private:
  void log_advertised(const Advertised& told, const Advertised* before);
  void start_jobs();
  void start_links();
  void on_sample();
  void on_signal(int signal);
  void stop(int code);
  void close_when_stopped();

  const Options options_;
  Life life_;
  const std::filesystem::path jobs_directory_;
  core::Rng rng_;
  const LogSink log_;
  Nvml nvml_;
  Platform platform_;
  Sampler sampler_;
  Advertised told_;
  Vitals vitals_;

  uv_loop_t loop_;
  uv_timer_t sample_timer_;
  uv_timer_t second_timer_;
  uv_signal_t signals_[2];
  std::unique_ptr<LinkShared> shared_;
  std::unique_ptr<JobHost> jobs_;  ///< null: --no-jobs
  std::vector<std::unique_ptr<Link>> links_;
  uint32_t samples_ = 0;
  int code_ = 0;
  bool leaving_ = false;  ///< told to stop once; the second time it does so at once
  bool stopping_ = false;
  bool closed_ = false;
};

}  // namespace berth::agent
