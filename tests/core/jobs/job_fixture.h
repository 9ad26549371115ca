#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/jobs/job_world.h"

namespace berth::core {

using Lines = std::vector<std::string>;
using wire::ErrorClass;
using wire::JobState;
using wire::ReportKind;

inline constexpr uint64_t kClient = 1;
inline constexpr uint64_t kWorker1 = 11;
inline constexpr uint64_t kWorker2 = 12;

/// A world, and the steps that most stories begin with. Public, so that tables of cases reach it.
class JobFixture : public testing::Test {
 public:
  /// What is said in this turn.
  Lines turn() {
    world.turn();
    return world.said();
  }
  Lines after(int64_t ms) {
    world.advance(ms);
    return world.said();
  }
  void two_workers() {
    world.worker("w1");
    world.worker("w2");
    world.attach("w1", kWorker1);
    world.attach("w2", kWorker2);
    (void)turn();
  }
  void one_worker(int64_t slots = 4) {
    world.worker("w1", slots);
    world.attach("w1", kWorker1);
    (void)turn();
  }
  void report(ReportKind kind, wire::AssignmentId id, ErrorClass error = ErrorClass::None) {
    world.report(kWorker1, "w1", kind, id, error);
  }
  wire::AssignmentId j(uint64_t job) { return world.last_assignment(job); }

  /// Submitted, assigned, accepted, started.
  wire::AssignmentId running(const TestJob& job) {
    world.submit(kClient, {job});
    (void)turn();
    const wire::AssignmentId id = world.assigned.back();
    report(ReportKind::Accepted, id);
    report(ReportKind::Started, id);
    (void)turn();
    return id;
  }
  void abort(std::pair<uint64_t, uint64_t> jobs, std::string_view reason) {
    const wire::JobRange range{{jobs.first}, {jobs.second}};
    world.ask(kClient, wire::ChangeJobs{wire::JobAction::Abort, {&range, 1}, {}, reason});
  }
  void retry(std::pair<uint64_t, uint64_t> jobs) {
    const wire::JobRange range{{jobs.first}, {jobs.second}};
    world.ask(kClient, wire::ChangeJobs{wire::JobAction::Retry, {&range, 1}, {}, {}});
  }
  std::string worker_of(wire::AssignmentId id) {
    auto row = world.store.attempts().find({id.job.value, id.epoch});
    if (row != world.store.attempts().end()) return row->second.worker;
    (void)world.state_of(id.job.value);
    return world.shown_worker;
  }
  /// Everything anew, with `settings`.
  void fresh() { world.begin_anew(settings); }

  JobSettings settings;
  JobWorld world;
};

}  // namespace berth::core
