#include "tests/agent/job_server.h"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>

extern char** environ;

namespace berth::agent {

namespace {

constexpr auto kDeadline = std::chrono::seconds(60);

constexpr const char* kKinds[] = {
    "accepted", "refused", "started", "alive", "completed", "failed", "checkpointed"};
constexpr const char* kErrors[] = {
    "none", "exit", "signal", "oom", "timeout", "lost", "refused", "image", "aborted"};

wire::AssignmentId first_of(uint64_t job) {
  return {{job}, job, 1};
}

}  // namespace

JobServer::JobServer()
    : server_([this](const wire::Request& request) { return answer(request); }) {}

void JobServer::drop(bool away) {
  away_ = away;
  server_.drop_connections();
}

void JobServer::disown(uint64_t job) {
  std::lock_guard lock(mutex_);
  disowned_.insert(job);
}

std::optional<wire::Reply> JobServer::answer(const wire::Request& request) {
  std::lock_guard lock(mutex_);
  if (away_) return wire::Refused{wire::Refusal::Busy, "away"};
  if (const auto* beat = std::get_if<wire::Heartbeat>(&request)) return on_beat(*beat);
  if (const auto* attach = std::get_if<wire::AttachWorker>(&request)) return on_attach(*attach);
  if (const auto* report = std::get_if<wire::Report>(&request)) return on_report(*report);
  if (const auto* piece = std::get_if<wire::LogPiece>(&request)) {
    note(
        "log " +
        std::string(
            reinterpret_cast<const char*>(piece->chunk.data.data()), piece->chunk.data.size()));
    return wire::Done{};
  }
  return std::nullopt;
}

wire::Reply JobServer::on_beat(const wire::Heartbeat& beat) {
  wire::HeartbeatReply reply;
  reply.accepted = true;
  if (beat.has_profile) {
    profile_known_ = true;
    tags_ = {beat.tags.begin(), beat.tags.end()};
    labels_.clear();
    for (const wire::Label& label : beat.labels)
      labels_.insert(std::string(label.key));
  }
  reply.resend_profile = !profile_known_;
  if (beat.leaving) note("leaving");
  return reply;
}

wire::Reply JobServer::on_attach(const wire::AttachWorker& attach) {
  nonces_.insert(attach.nonce);
  std::string line = "attach";
  std::vector<uint8_t> verdicts;
  for (wire::AssignmentId id : attach.running) {
    line += " " + std::to_string(id.job.value);
    wire::Verdict verdict = is_disowned(id) ? wire::Verdict::Stale : wire::Verdict::Ok;
    verdicts.push_back(static_cast<uint8_t>(verdict));
  }
  note(line);
  return wire::Attached{30'000, keep(std::move(verdicts))};
}

std::optional<wire::Reply> JobServer::on_report(const wire::Report& report) {
  std::vector<uint8_t> verdicts;
  for (const wire::ReportItem& item : report.items) {
    std::string line = kKinds[static_cast<size_t>(item.kind)];
    line += " " + std::to_string(item.assignment.job.value);
    if (item.kind == wire::ReportKind::Failed) {
      line += std::string(" ") + kErrors[static_cast<size_t>(item.error.kind)];
    }
    note(line);
    wire::Verdict verdict = is_disowned(item.assignment) ? wire::Verdict::Stale : wire::Verdict::Ok;
    verdicts.push_back(static_cast<uint8_t>(verdict));
  }
  if (lose_reports_) return std::nullopt;
  return wire::Reported{keep(std::move(verdicts))};
}

std::span<const uint8_t> JobServer::keep(std::vector<uint8_t> verdicts) {
  return verdicts_.emplace_back(std::move(verdicts));
}

void JobServer::note(std::string line) {
  lines_.push_back(std::move(line));
  changed_.notify_all();
}

void JobServer::assign(uint64_t job, const std::string& script, uint32_t kill_grace_ms) {
  wire::Text command[] = {"/bin/sh", "-c", script};
  wire::JobSpec spec;
  spec.command = command;
  spec.kill_grace_ms = kill_grace_ms;
  std::lock_guard lock(mutex_);
  std::span<const std::byte> bytes = encoder_.encode(spec);
  specs_.emplace_back(bytes.begin(), bytes.end());
  wire::Assignment& item = assignments_.emplace_back();
  item.id = first_of(job);
  item.spec = specs_.back();
  item.expires_in_ms = 10'000;
  server_.send_event(wire::Assignments{{&item, 1}});
}

void JobServer::stop(uint64_t job) {
  std::lock_guard lock(mutex_);
  wire::StopTask& item = stops_.emplace_back(wire::StopTask{first_of(job), "asked for"});
  server_.send_event(wire::StopTasks{{&item, 1}});
}

void JobServer::want_log(uint64_t job, uint32_t wait_ms) {
  wire::WantLog want;
  want.ticket = job;
  want.assignment = first_of(job);
  want.wait_ms = wait_ms;
  server_.send_event(want);
}

bool JobServer::heard(const std::string& line, size_t times) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kDeadline, [&] {
    return static_cast<size_t>(std::count(lines_.begin(), lines_.end(), line)) >= times;
  });
}

size_t JobServer::count(const std::string& line) {
  std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::count(lines_.begin(), lines_.end(), line));
}

std::string JobServer::story() {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& line : lines_)
    text += line + "\n";
  return text;
}

std::set<std::string> JobServer::tags() {
  std::lock_guard lock(mutex_);
  return tags_;
}

std::set<std::string> JobServer::labels() {
  std::lock_guard lock(mutex_);
  return labels_;
}

std::set<uint64_t> JobServer::nonces() {
  std::lock_guard lock(mutex_);
  return nonces_;
}

RealAgent::RealAgent(
    const JobServer& server, const std::string& state_dir, const std::vector<std::string>& more) {
  std::vector<std::string> words = {
      BERTH_AGENT,
      "--server",
      server.endpoint(),
      "--id",
      "w1",
      "--interval",
      "100ms",
      "--log-level",
      "warning",
      "--state-dir",
      state_dir};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> arguments;
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  EXPECT_EQ(posix_spawn(&pid_, BERTH_AGENT, nullptr, nullptr, arguments.data(), environ), 0);
}

RealAgent::~RealAgent() {
  if (pid_ > 0) {
    signal(SIGKILL);
    (void)wait();
  }
}

void RealAgent::signal(int number) {
  kill(pid_, number);
}

int RealAgent::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace berth::agent
