#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <uv.h>

#include "agent/runner/local_runner.h"
#include "wire/spec.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace {

struct Wanted {
  size_t tasks = 1000;
  size_t at_once = 16;
  wire::Runner runner = wire::Runner::Process;
  std::vector<std::string_view> command = {"true"};
};

/// Keeps `at_once` tasks going until all have been told of.
class TaskBench final : public TaskListener {
 public:
  explicit TaskBench(const Wanted& wanted) : wanted_(wanted) {
    std::string path = (std::filesystem::temp_directory_path() / "berth-bench-XXXXXX").string();
    state_dir_ = mkdtemp(path.data());
    std::filesystem::permissions(state_dir_, std::filesystem::perms(0755));
    uv_loop_init(&loop_);
    wire::SpecEncoder encoder;
    wire::JobSpec spec;
    spec.command = wanted_.command;
    spec.runner = wanted_.runner;
    auto bytes = encoder.encode(spec);
    spec_.assign(bytes.begin(), bytes.end());
  }
  ~TaskBench() override {
    runner_.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
    std::filesystem::remove_all(state_dir_);
  }

  int run() {
    RunnerSettings settings;
    settings.state_dir = state_dir_;
    settings.offered = {wanted_.runner};
    runner_ = std::make_unique<LocalRunner>(&loop_, settings, *this);
    for (const Backend& backend : runner_->backends()) {
      if (backend.kind != wanted_.runner || backend.works) continue;
      std::fprintf(stderr, "task_bench: %s\n", backend.why.c_str());
      return 1;
    }
    uint64_t began = uv_hrtime();
    double cpu_before = cpu_us();
    while (begun_ < std::min(wanted_.at_once, wanted_.tasks))
      start_one();
    while (times_.size() < wanted_.tasks)
      uv_run(&loop_, UV_RUN_ONCE);
    double seconds = static_cast<double>(uv_hrtime() - began) / 1e9;
    runner_.reset();  // what its template has waited for counts once it has ended
    print(seconds, cpu_us() - cpu_before);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void on_task_started(wire::AssignmentId) override {}
  void on_task_ended(TaskResult&& result) override {
    if (result.error != wire::ErrorClass::None && failed_++ == 0)
      std::fprintf(stderr, "task_bench: %s\n", result.message.c_str());
    auto at = begun_at_.find(result.assignment.epoch);
    times_.push_back(static_cast<double>(uv_hrtime() - at->second) / 1e3);
    begun_at_.erase(at);
    runner_->settle(result.assignment);
    if (begun_ < wanted_.tasks) start_one();
  }

  void start_one() {
    ++begun_;
    begun_at_[begun_] = uv_hrtime();
    TaskOrder order;
    order.assignment = {{begun_}, begun_, 1};
    order.spec = spec_;
    runner_->start(std::move(order));
  }

  /// Of this process and of all that it has waited for: supervisors, and through them tasks.
  static double cpu_us() {
    double sum = 0;
    for (int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
      rusage used{};
      getrusage(who, &used);
      for (const timeval& time : {used.ru_utime, used.ru_stime})
        sum += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    }
    return sum;
  }

  void print(double seconds, double cpu) {
    std::sort(times_.begin(), times_.end());
    double count = static_cast<double>(times_.size());
    std::printf(
        "{\"tasks\": %zu, \"at_once\": %zu, \"runner\": \"%s\", \"tasks_per_s\": %.0f, "
        "\"p50_us\": %.0f, \"p99_us\": %.0f, \"cpu_us_per_task\": %.0f, \"failed\": %zu}\n",
        times_.size(),
        wanted_.at_once,
        std::string(wire::runner_token(wanted_.runner)).c_str(),
        count / seconds,
        times_[times_.size() / 2],
        times_[times_.size() * 99 / 100],
        cpu / count,
        failed_);
  }

  const Wanted wanted_;
  std::string state_dir_;
  uv_loop_t loop_;
  std::unique_ptr<LocalRunner> runner_;
  std::vector<std::byte> spec_;
  std::map<uint64_t, uint64_t> begun_at_;
  std::vector<double> times_;
  size_t begun_ = 0;
  size_t failed_ = 0;
};

/// Empty: understood.
std::string parse(int argc, char** argv, Wanted& wanted) {
  if (argc > 1) wanted.tasks = std::strtoul(argv[1], nullptr, 10);
  if (argc > 2) wanted.at_once = std::strtoul(argv[2], nullptr, 10);
  if (wanted.tasks == 0 || wanted.at_once == 0) return "TASKS and AT_ONCE are numbers from 1";
  if (argc > 3) {
    std::optional<wire::Runner> runner = wire::runner_from(argv[3]);
    bool can = runner == wire::Runner::Process || runner == wire::Runner::Sandbox;
    if (!can) return std::string("RUNNER is process or sandbox, not '") + argv[3] + "'";
    wanted.runner = *runner;
  }
  if (argc > 4) wanted.command = {argv + 4, argv + argc};
  return {};
}

}  // namespace

}  // namespace berth::agent

int main(int argc, char** argv) {
  berth::agent::Wanted wanted;
  std::string problem = berth::agent::parse(argc, argv, wanted);
  if (!problem.empty()) {
    std::fprintf(
        stderr,
        "task_bench: %s\nUsage: task_bench [TASKS [AT_ONCE [RUNNER [COMMAND...]]]]\n",
        problem.c_str());
    return 2;
  }
  return berth::agent::TaskBench(wanted).run();
}
