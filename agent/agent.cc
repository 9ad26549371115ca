#include "agent/agent.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cctype>
#include <csignal>

#include "core/base/check.h"
#include "net/loop_clock.h"

namespace berth::agent {

namespace {

/// Use is sampled for every beat; what the machine has changes seldom and costs more to read.
constexpr uint32_t kSamplesPerMachine = 10;
/// Reports of many tasks with all their outputs may wait to be sent at once.
constexpr uint32_t kUnsentBytesMax = 8u << 20;

}  // namespace

std::filesystem::path nearest_directory(std::filesystem::path path) {
  std::error_code error;
  path = std::filesystem::absolute(path, error);
  while (path != path.root_path() && !std::filesystem::is_directory(path, error)) {
    path = path.parent_path();
  }
  return path;
}

Platform read_platform(const Nvml& nvml, const std::string& software) {
  utsname names{};
  BERTH_CHECK(uname(&names) == 0);  // fails only for a bad pointer
  std::string system = names.sysname;
  for (char& c : system)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return {
      .host = names.nodename,
      .system = system,
      .architecture = names.machine,
      .gpu_models = nvml.models(),
      .gpu_why = nvml.why(),
      .software = software};
}

RunnerSettings runner_settings(
    const Options& options, const std::filesystem::path& jobs_directory) {
  RunnerSettings settings;
  settings.state_dir = jobs_directory;
  settings.task_cgroup = options.task_cgroup;
  settings.images = options.images;
  settings.engine_socket = options.docker_socket;
  settings.run_as = options.run_as;
  settings.output_bytes_max = options.output_bytes_max;
  settings.keep_for = options.keep_outputs;
  return settings;
}

Agent::Agent(
    const Options& options,
    const Life& life,
    const std::filesystem::path& jobs_directory,
    uint64_t seed,
    LogSink log)
    : options_(options),
      life_(life),
      jobs_directory_(jobs_directory),
      rng_(seed),
      log_(std::move(log)),
      platform_(read_platform(nvml_, "berth-agent " BERTH_VERSION)),
      sampler_("/", nearest_directory(options.state_dir)) {
  BERTH_CHECK(uv_loop_init(&loop_) == 0);
}

Agent::~Agent() {
  links_.clear();
  jobs_.reset();
  shared_.reset();
  // A name that the resolver still works on keeps the loop busy; the process ends anyway.
  (void)uv_loop_close(&loop_);
}

int Agent::run() {
  if (options_.jobs) start_jobs();
  told_ = advertise(options_.wanted, platform_, sampler_.read_machine());
  log_advertised(told_, nullptr);
  on_sample();

  uv_timer_init(&loop_, &sample_timer_);
  uv_timer_init(&loop_, &second_timer_);
  sample_timer_.data = second_timer_.data = this;
  uint64_t interval = static_cast<uint64_t>(options_.interval.ms());
  auto sample = [](uv_timer_t* timer) {
    static_cast<Agent*>(timer->data)->on_sample();
  };
  uv_timer_start(&sample_timer_, sample, interval, interval);
  auto sweep = [](uv_timer_t* timer) {
    for (auto& link : static_cast<Agent*>(timer->data)->links_)
      link->sweep();
  };
  uv_timer_start(&second_timer_, sweep, 1000, 1000);

  constexpr int kSignals[] = {SIGTERM, SIGINT};
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    uv_signal_init(&loop_, &signals_[i]);
    signals_[i].data = this;
    auto end = [](uv_signal_t* handle, int) {
      static_cast<Agent*>(handle->data)->on_signal(handle->signum);
    };
    uv_signal_start(&signals_[i], end, kSignals[i]);
  }
  start_links();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_run(&loop_, UV_RUN_NOWAIT);  // what was closed in the last turn
  return code_;
}

void Agent::start_jobs() {
  JobSessionSettings settings;
  settings.worker = life_.worker;
  settings.life = life_.epoch;
  settings.nonce = life_.nonce;
  if (options_.stop_on_server_loss) settings.stop_after_loss = options_.server_loss_after;
  jobs_ =
      std::make_unique<JobHost>(&loop_, settings, runner_settings(options_, jobs_directory_), log_);
  platform_.backends.assign(jobs_->backends().begin(), jobs_->backends().end());
  jobs_->start();
}

void Agent::start_links() {
  shared_ = std::make_unique<LinkShared>(&loop_);
  shared_->limits.unsent_max_bytes = kUnsentBytesMax;
  shared_->on_log = [this](const Log& log) {
    log_(log.level, log.text);
  };
  shared_->on_exit = [this](const Exit& exit) {
    stop(exit.code);
  };
  shared_->on_stopped = [this] {
    close_when_stopped();
  };
  for (const net::HostPort& server : options_.servers) {
    SessionSettings settings;
    settings.server = net::format_host_port(server);
    settings.token = options_.token;
    settings.software = platform_.software;
    settings.interval = options_.interval;
    links_.push_back(std::make_unique<Link>(
        *shared_, server, settings, life_, told_.profile, vitals_, rng_.next()));
  }
  if (jobs_ != nullptr) links_.front()->set_guest(*jobs_);
  for (auto& link : links_)
    link->start();
}

/// All lines at the start; later those that are new.
void Agent::log_advertised(const Advertised& told, const Advertised* before) {
  for (const Line& line : told.lines) {
    bool known = before != nullptr &&
                 std::any_of(before->lines.begin(), before->lines.end(), [&](const Line& other) {
                   return other.what == line.what;
                 });
    if (!known) log_(LogLevel::Info, line.what + ": " + line.why);
  }
}

void Agent::on_sample() {
  vitals_.usage = sampler_.read_usage(net::LoopClock::mono().ns / 1000);
  vitals_.usage.gpu_milli = static_cast<double>(nvml_.used_milli());
  if (samples_++ % kSamplesPerMachine != kSamplesPerMachine - 1) return;
  Advertised fresh = advertise(options_.wanted, platform_, sampler_.read_machine());
  if (fresh.profile == told_.profile) return;
  log_advertised(fresh, &told_);
  told_ = std::move(fresh);
  for (auto& link : links_)
    link->on_profile_changed();
}

void Agent::on_signal(int signal) {
  std::string name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
  if (jobs_ == nullptr || leaving_) {
    log_(LogLevel::Info, name + ": saying goodbye");
    return stop(0);
  }
  leaving_ = true;
  size_t tasks = jobs_->tasks();
  if (options_.stop_tasks_on_exit && tasks > 0) {
    log_(
        LogLevel::Info,
        name + ": stopping " + std::to_string(tasks) + " tasks first; once more: leave them");
    jobs_->stop_tasks([this] { stop(0); });
  } else {
    log_(LogLevel::Info, name + ": saying goodbye");
    jobs_->leave([this] { stop(0); });
  }
}

void Agent::stop(int code) {
  if (stopping_) return;
  stopping_ = true;
  code_ = code;
  if (jobs_ != nullptr && jobs_->tasks() > 0) {
    log_(
        LogLevel::Info,
        std::to_string(jobs_->tasks()) +
            " tasks go on under their supervisors; the next agent with this id and state "
            "directory takes them over");
  }
  for (auto& link : links_)
    link->stop();
  close_when_stopped();
}

void Agent::close_when_stopped() {
  if (!stopping_ || closed_) return;
  for (auto& link : links_) {
    if (link->session().state() != SessionState::Stopped) return;
  }
  closed_ = true;
  for (auto& link : links_)
    link->close();
  if (jobs_ != nullptr) jobs_->close();
  uv_close(reinterpret_cast<uv_handle_t*>(&sample_timer_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&second_timer_), nullptr);
  for (uv_signal_t& signal : signals_)
    uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
  uv_stop(&loop_);
}

}  // namespace berth::agent
