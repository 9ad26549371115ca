// Random events against the ledger, with what has to hold after every one of them.

#include <array>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/jobs/job.h"
#include "tests/core/jobs/job_world.h"
#include "wire/tokens.h"

namespace berth::core {
namespace {

using wire::JobState;
using wire::ReportKind;

constexpr uint64_t kClient = 1;
constexpr uint64_t kWatcher = 2;
constexpr int kWorkers = 3;
constexpr int64_t kSlots = 3;
constexpr uint32_t kAttempts = 3;

/// Which states may follow which, as watchers see it.
bool is_edge(JobState from, JobState to) {
  static const std::map<JobState, std::set<JobState>> kEdges = {
      {JobState::Pending, {JobState::Assigned, JobState::Aborted, JobState::Pending}},
      {JobState::Assigned,
       {JobState::Pending, JobState::Running, JobState::Lost, JobState::Aborted}},
      {JobState::Running,
       {JobState::Completed,
        JobState::Failed,
        JobState::Retrying,
        JobState::Pending,
        JobState::Lost,
        JobState::Aborted}},
      {JobState::Lost, {JobState::Retrying, JobState::Failed}},
      {JobState::Retrying, {JobState::Pending, JobState::Aborted}},
      {JobState::Completed, {}},
      {JobState::Failed, {JobState::Pending}},
      {JobState::Aborted, {JobState::Pending}},
  };
  return kEdges.at(from).contains(to);
}

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : rng_(seed), world_(settings(), seed) {
    for (int i = 0; i < kWorkers; ++i) {
      world_.worker(name(i), kSlots);
      attach(i);
    }
    world_.ask(kWatcher, wire::WatchJobs{true, 0, {}});
    world_.turn();
  }

  void step() {
    world_.hold_durable = rng_.below(3) == 0;  // a crash forgets what is not durable yet
    switch (rng_.below(20)) {
      case 0:
      case 1:
      case 2: submit(); break;
      case 3: submit_array(); break;
      case 4: abort_some(); break;
      case 5: retry_some(); break;
      case 6: world_.advance(static_cast<int64_t>(rng_.below(3'000))); break;
      case 7: detach(); break;
      case 8:
        if (rng_.below(10) == 0) restart();
        break;
      case 9:
        if (rng_.below(10) == 0) world_.advance(35'000);
        break;
      default: report(); break;
    }
    world_.turn();
    note_submitted();
    check();
  }

  /// Faults end: every job has to end within a bound.
  void settle() {
    world_.hold_durable = false;
    for (int round = 0; round < 400 && live() > 0; ++round) {
      for (int i = 0; i < kWorkers; ++i) {
        if (!attached_[i]) attach(i);
      }
      for (const wire::AssignmentId& id : std::set(open_.begin(), open_.end()))
        report(id, ReportKind::Completed);
      world_.turn();
      open_.clear();
      world_.advance(1'000);
      check();
    }
    EXPECT_EQ(live(), 0u);
    for (const auto& [job, state] : states_) {
      EXPECT_TRUE(is_terminal(state)) << "job " << job << " " << job_state_token(state);
    }
    EXPECT_EQ(world_.tables->reservations.size(), 0u);
    std::array<uint64_t, wire::kJobStateCount> ended{};
    for (const auto& [job, state] : states_)
      ++ended[static_cast<size_t>(state)];
    for (size_t state = 0; state < ended.size(); ++state) {
      EXPECT_EQ(world_.tables->counters.gauges.jobs[state].load(), ended[state])
          << "of state " << state;
    }
  }

 private:
  static JobSettings settings() {
    JobSettings settings;
    settings.cooldown_base = Duration::seconds(1);
    settings.cooldown_cap = Duration::seconds(2);
    return settings;
  }
  static std::string name(int worker) { return "w" + std::to_string(worker); }
  uint64_t connection(int worker) const { return 100 + static_cast<uint64_t>(worker); }

  void submit() {
    std::vector<TestJob> jobs(1 + rng_.below(4));
    for (TestJob& job : jobs) {
      job.attempts_max = kAttempts;
      job.priority = static_cast<int32_t>(rng_.below(3));
      job.slots = 1 + static_cast<int64_t>(rng_.below(2));
      if (rng_.below(4) == 0) job.timeout_ms = 5'000;
      if (rng_.below(5) == 0) job.scheduled_in_ms = 2'000;
      if (rng_.below(5) == 0 && last_job_ > 0) job.depends_on = {1 + rng_.below(last_job_)};
    }
    if (jobs.size() > 1 && rng_.below(4) == 0) jobs.back().depends_on_items = {0};
    world_.submit(kClient, jobs);
  }

  void submit_array() {
    if (rng_.below(4) != 0) return;
    world_.submit(kClient, {{.attempts_max = kAttempts, .array = 20}});
  }

  void note_submitted() {
    for (const wire::SubmittedJob& one : world_.submitted) {
      last_job_ = std::max(last_job_, one.first.value + one.count - 1);
      for (uint64_t job = one.first.value; job < one.first.value + one.count; ++job)
        acknowledged_.insert(job);
    }
    world_.submitted.clear();
  }

  wire::JobRange some_jobs() {
    const uint64_t first = 1 + rng_.below(last_job_ + 1);
    return {{first}, {first + rng_.below(6)}};
  }

  void abort_some() {
    const wire::JobRange range = some_jobs();
    const std::string worker = name(static_cast<int>(rng_.below(kWorkers)));
    wire::ChangeJobs change{wire::JobAction::Abort, {&range, 1}, {}, "chaos"};
    if (rng_.below(4) == 0) change.worker = worker;
    world_.ask(kClient, change);
  }

  void retry_some() {
    const wire::JobRange range = some_jobs();
    world_.ask(kClient, wire::ChangeJobs{wire::JobAction::Retry, {&range, 1}, {}, {}});
  }

  void attach(int worker) {
    std::vector<wire::AssignmentId> running;
    for (const wire::AssignmentId& id : open_) {
      if (rng_.below(4) != 0) running.push_back(id);  // of any worker: others are refused
    }
    world_.attach(name(worker), connection(worker), running);
    attached_[worker] = true;
  }

  void detach() {
    const int worker = static_cast<int>(rng_.below(kWorkers));
    if (attached_[worker]) {
      world_.close(connection(worker));
      attached_[worker] = false;
      if (rng_.below(3) == 0) world_.changed(name(worker), wire::WorkerChange::Offline);
    } else {
      attach(worker);
    }
  }

  void restart() {
    world_.restart();
    for (bool& attached : attached_)
      attached = false;
    world_.ask(kWatcher, wire::WatchJobs{true, 0, {}});
    world_.turn();
  }

  /// Any report about anything that was ever assigned, in any order.
  void report() {
    if (world_.assigned.empty()) return;
    const size_t recent = std::min<size_t>(world_.assigned.size(), 12);
    const wire::AssignmentId id = world_.assigned[world_.assigned.size() - 1 - rng_.below(recent)];
    const auto kind = static_cast<ReportKind>(rng_.below(7));
    const auto error = static_cast<wire::ErrorClass>(1 + rng_.below(4));
    report(id, kind, kind == ReportKind::Failed ? error : wire::ErrorClass::None);
  }

  /// By every worker: what it is not true of is stale, and changes nothing.
  void report(
      wire::AssignmentId id, ReportKind kind, wire::ErrorClass error = wire::ErrorClass::None) {
    for (int i = 0; i < kWorkers; ++i)
      world_.report(connection(0), name(i), kind, id, error);
  }

  uint64_t live() const {
    uint64_t count = 0;
    for (const auto& [job, row] : world_.store.jobs()) {
      if (!is_terminal(row.record.progress.state)) count += row.record.count;
    }
    return count;
  }

  void check() {
    check_events();
    check_assignments();
    check_rows();
    check_capacity();
    (void)world_.said();
  }

  /// Only legal edges, and nothing said twice or out of order.
  void check_events() {
    for (const wire::JobEvent& event : world_.watched) {
      EXPECT_GT(event.sequence, sequence_);
      sequence_ = event.sequence;
      for (uint64_t job = event.job.value; job < event.job.value + event.count; ++job) {
        auto known = states_.find(job);
        if (known == states_.end()) {
          EXPECT_EQ(event.state, JobState::Pending) << "job " << job;
        } else {
          // A restart forgets assignments that were not accepted and starts of a moment ago,
          // without a word: they are said again.
          const bool forgotten =
              known->second == event.state &&
              (event.state == JobState::Assigned || event.state == JobState::Running);
          EXPECT_TRUE(forgotten || is_edge(known->second, event.state))
              << "job " << job << ": " << job_state_token(known->second) << " → "
              << job_state_token(event.state);
        }
        states_[job] = event.state;
      }
    }
    world_.watched.clear();
  }

  void check_assignments() {
    for (; seen_ < world_.assigned.size(); ++seen_) {
      const wire::AssignmentId id = world_.assigned[seen_];
      EXPECT_TRUE(epochs_.insert(id.epoch).second) << "given twice: " << id.epoch;
      uint64_t& last = epoch_of_[id.job.value];
      EXPECT_GT(id.epoch, last);
      last = id.epoch;
      open_.push_back(id);
    }
  }

  void check_rows() {
    std::set<uint64_t> covered;
    for (const auto& [id, row] : world_.store.jobs()) {
      EXPECT_LE(row.record.progress.attempt_count, kAttempts) << "job " << id;
      EXPECT_NE(row.record.progress.state, JobState::Lost);
      for (uint64_t element = id; element < id + row.record.count; ++element)
        EXPECT_TRUE(covered.insert(element).second) << "job " << element << " is there twice";
    }
    for (uint64_t job = 1; job <= last_job_; ++job) {
      if (!acknowledged_.contains(job)) continue;
      EXPECT_TRUE(covered.contains(job)) << job << " is lost";
    }
  }

  void check_capacity() {
    for (int i = 0; i < kWorkers; ++i) {
      auto row = world_.owner->find(name(i));
      ASSERT_TRUE(row);
      NodeState node;
      uint32_t flags = 0;
      uint32_t generation = 0;
      world_.tables->fleet.read_node(*row, node, flags, generation);
      EXPECT_GE(node.free[0], 0);
      EXPECT_LE(node.free[0], kSlots);
    }
  }

  Rng rng_;
  JobWorld world_;
  bool attached_[kWorkers] = {};
  uint64_t last_job_ = 0;
  uint64_t sequence_ = 0;
  std::set<uint64_t> acknowledged_;
  std::set<uint64_t> epochs_;
  std::map<uint64_t, uint64_t> epoch_of_;
  size_t seen_ = 0;
  std::map<uint64_t, JobState> states_;
  std::vector<wire::AssignmentId> open_;
};

TEST(JobProperty, WhateverHappensWhatHasToHoldHolds) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i)
      chaos.step();
    if (testing::Test::HasFailure()) return;
    chaos.settle();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace berth::core
