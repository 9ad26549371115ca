#include "tests/agent/runner/runner_world.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/own_group.h"
#include "agent/runner/cgroup_parents.h"
#include "agent/runner/order.h"
#include "wire/tokens.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(120);

fs::path make_state_dir() {
  std::string path = (fs::temp_directory_path() / "berth-runner-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) ADD_FAILURE() << "cannot make " << path;
  chmod(path.c_str(), 0755);
  return path;
}

wire::JobSpec spec_of(
    const Job& job, std::vector<std::string_view>& texts, std::vector<wire::Label>& env) {
  for (const std::string& word : job.command)
    texts.push_back(word);
  for (const std::string& path : job.artifacts)
    texts.push_back(path);
  for (const auto& [key, value] : job.env)
    env.push_back({key, value});
  wire::JobSpec spec;
  spec.command = std::span(texts).first(job.command.size());
  spec.artifacts = std::span(texts).subspan(job.command.size());
  spec.env = env;
  spec.image = job.image;
  spec.working_dir = job.working_dir;
  spec.stdin_text = job.stdin_text;
  spec.runner = job.runner;
  spec.network = job.network;
  spec.checkpointable = job.checkpointable;
  spec.demand.memory_mib = job.memory_mib;
  spec.demand.cpu_milli = job.cpu_milli;
  spec.timeout_ms = job.timeout_ms;
  spec.kill_grace_ms = job.kill_grace_ms;
  return spec;
}

}  // namespace

Job shell(const std::string& script) {
  Job job;
  job.command = {"sh", "-c", script};
  return job;
}

RunnerWorld::RunnerWorld(const std::function<void(RunnerSettings&)>& change) {
  settings_.state_dir = make_state_dir();
  settings_.helpers = BERTH_HELPERS;
  settings_.offered = {wire::Runner::Process};
  // A machine that runs many tests at once is slow; a probe that fails would hide what is tested.
  settings_.probe_max = core::Duration::seconds(60);
  if (change) change(settings_);
  EXPECT_EQ(uv_loop_init(&loop_), 0);
  begin_agent();
}

RunnerWorld::~RunnerWorld() {
  auto deadline = Clock::now() + kPatience;
  while (!task_processes().empty() && Clock::now() < deadline)
    turn();
  for (int pid : task_processes())
    ADD_FAILURE() << "process " << pid << " of a task is left";
  end_agent();
  for (const std::string& group : groups_left())
    ADD_FAILURE() << "control group " << group << " is left";
  EXPECT_EQ(uv_loop_close(&loop_), 0);
  std::error_code error;
  for (const auto& each : fs::recursive_directory_iterator(state_dir(), error)) {
    std::string name = each.path().filename();
    EXPECT_FALSE(name.ends_with(".part") || name.ends_with(".new") || name == "work")
        << each.path();
  }
  fs::remove_all(state_dir(), error);
}

void RunnerWorld::begin_agent() {
  runner_ = std::make_unique<LocalRunner>(&loop_, settings_, *this);
  runner_->adopt();
}

void RunnerWorld::end_agent() {
  runner_.reset();
  while (uv_run(&loop_, UV_RUN_NOWAIT) != 0)
    continue;
}

void RunnerWorld::forget() {
  results_.clear();
  started_.clear();
}

/// A real agent's children go to init when it ends; ours stay until somebody asks for them.
void RunnerWorld::reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0)
    continue;
}

wire::AssignmentId RunnerWorld::start(const Job& job) {
  wire::AssignmentId id{{next_job_}, 1000 + next_job_, 1};
  ++next_job_;
  std::vector<std::string_view> texts;
  std::vector<wire::Label> env;
  std::span<const std::byte> bytes = encoder_.encode(spec_of(job, texts, env));
  TaskOrder order;
  order.assignment = id;
  order.spec.assign(bytes.begin(), bytes.end());
  order.array_index = job.array_index;
  order.gpus = job.gpus;
  runner_->start(std::move(order));
  return id;
}

void RunnerWorld::turn() {
  uv_timer_t timer;
  uv_timer_init(&loop_, &timer);
  uv_timer_start(
      &timer, [](uv_timer_t*) {}, 10, 0);
  uv_run(&loop_, UV_RUN_ONCE);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  uv_run(&loop_, UV_RUN_NOWAIT);
}

void RunnerWorld::turn_until(const std::function<bool()>& done, const char* what) {
  auto deadline = Clock::now() + kPatience;
  while (!done()) {
    if (Clock::now() > deadline) {
      FAIL() << "waited in vain for " << what;
    }
    turn();
  }
}

TaskResult RunnerWorld::wait(wire::AssignmentId id) {
  turn_until([&] { return results_.contains(id); }, "the end of a task");
  return results_[id];
}

TaskResult RunnerWorld::run(const Job& job) {
  return wait(start(job));
}

void RunnerWorld::wait_started(wire::AssignmentId id) {
  turn_until([&] { return started_.contains(id); }, "the start of a task");
}

std::string RunnerWorld::output(wire::AssignmentId id, wire::OutputStream stream) {
  OutputPiece piece = runner_->read_output(id, stream, 0, 1 << 20);
  EXPECT_EQ(piece.problem, "");
  return {reinterpret_cast<const char*>(piece.data.data()), piece.data.size()};
}

fs::path RunnerWorld::directory(wire::AssignmentId id) const {
  return state_dir() / "tasks" / wire::assignment_text(id);
}

void RunnerWorld::kill_supervisor(wire::AssignmentId id) const {
  std::ifstream file(directory(id) / "order", std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  int pid = static_cast<int>(decode_progress(bytes.str()).supervisor);
  ASSERT_GT(pid, 0);
  ASSERT_EQ(kill(pid, SIGKILL), 0);
}

std::string RunnerWorld::why_not(wire::Runner kind) const {
  for (const Backend& backend : runner_->backends())
    if (backend.kind == kind) return backend.works ? "" : backend.why;
  return "not offered";
}

std::vector<int> RunnerWorld::task_processes() const {
  std::vector<int> found;
  std::string mark = "BERTH_TASK_DIR=" + state_dir().string();
  std::string own = (state_dir() / "tasks").string();
  DIR* processes = opendir("/proc");
  while (const dirent* entry = readdir(processes)) {
    int pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    std::string proc = std::string("/proc/") + entry->d_name;
    std::ifstream file(proc + "/environ", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    std::error_code error;
    std::string cwd = fs::read_symlink(proc + "/cwd", error).string();
    if (text.str().find(mark) != std::string::npos || cwd.starts_with(own)) found.push_back(pid);
  }
  closedir(processes);
  return found;
}

/// The agent removes its own group at its end, which it cannot while a task's group is in it.
std::vector<std::string> RunnerWorld::groups_left() const {
  std::vector<std::string> left;
  for (const char* controller : {"memory", "pids", "cpu", ""}) {
    std::optional<OwnGroup> own = find_own_group("/", controller);
    if (!own) continue;
    fs::path ours = own->own;
    if (own->v2 && ours.filename() == "berth-agent") ours = ours.parent_path();
    fs::path group = ours / cgroup_parent_name(fs::canonical(state_dir()).string());
    if (fs::exists(group)) left.push_back(group.string());
  }
  return left;
}

void RunnerWorld::on_task_started(wire::AssignmentId id) {
  ++started_[id];
}

void RunnerWorld::on_task_ended(TaskResult&& result) {
  EXPECT_FALSE(results_.contains(result.assignment)) << "told twice";
  results_[result.assignment] = std::move(result);
}

}  // namespace berth::agent
