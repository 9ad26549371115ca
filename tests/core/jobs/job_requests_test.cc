// What clients may ask: submits, arrays, dependencies, lists, long polls, events, output.

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/core/jobs/job_fixture.h"

namespace berth::core {
namespace {

class JobRequests : public JobFixture {
 public:
  void complete(uint64_t job) {
    report(ReportKind::Completed, j(job));
    (void)turn();
  }
};

TEST_F(JobRequests, ASubmitIsRepeatedByItsRequestId) {
  world.submit(kClient, {{}, {}}, "r1");
  EXPECT_EQ(turn(), Lines({"c1: submitted j1 (unsatisfiable) j2 (unsatisfiable)"}));
  world.submit(3, {{}, {}}, "r1");
  EXPECT_EQ(turn(), Lines({"c3: submitted again j1 (unsatisfiable) j2 (unsatisfiable)"}));
  world.restart();
  world.submit(3, {{}, {}}, "r1");
  EXPECT_EQ(turn().front().substr(0, 26), "c3: submitted again j1 j2");
  world.submit(3, {{}}, "r2");
  EXPECT_EQ(turn(), Lines({"c3: submitted j3 (unsatisfiable)"}));
}

TEST_F(JobRequests, ARequestIdThatWasUsedForOtherJobsIsRefused) {
  one_worker();
  world.submit(kClient, {{.name = "a"}, {.name = "b"}}, "r1");
  (void)turn();
  const std::vector<TestJob> others[] = {
      {{.name = "a"}, {.name = "c"}},
      {{.name = "b"}, {.name = "a"}},
      {{.name = "a"}},
      {{.name = "a"}, {.name = "b"}, {}},
      {{.name = "a"}, {.name = "b", .array = 1}},
      {{.name = "a"}, {.name = "b", .scheduled_in_ms = 1}},
  };
  for (const bool restarted : {false, true}) {
    if (restarted) world.restart();
    for (const std::vector<TestJob>& other : others) {
      world.submit(3, other, "r1");
      EXPECT_EQ(
          turn().back(),
          "c3: refused conflict: the request id 'r1' was used for other jobs, from job 1 on: give "
          "every submit an id of its own, and only its repetitions the same")
          << other.size() << restarted;
    }
    world.submit(3, {{.name = "a"}, {.name = "b"}}, "r1");
    EXPECT_EQ(turn().back(), "c3: submitted again j1 j2");
  }
  world.submit(3, others[0], "r2");
  EXPECT_EQ(turn().back(), "c3: submitted j3 j4") << "nothing was taken on in between";
}

// Such as `+1h`, which is another time in every try.
TEST_F(JobRequests, WhoGivesADigestSaysItselfWhatIsTheSame) {
  const auto submit = [&](int64_t at_ms, uint64_t digest) {
    wire::SpecEncoder encoder;
    wire::JobSpec spec;
    const std::string_view command[] = {"true"};
    spec.command = command;
    spec.scheduled_at_ms = at_ms;
    const std::span<const std::byte> specs[] = {encoder.encode(spec)};
    world.ask(kClient, wire::SubmitJobs{.request = "r1", .specs = specs, .digest = digest});
    return turn().back().substr(0, 20);
  };
  EXPECT_EQ(submit(1'000, 7), "c1: submitted j1 (un");
  EXPECT_EQ(submit(2'000, 7), "c1: submitted again ");
  EXPECT_EQ(submit(1'000, 8), "c1: refused conflict");
  EXPECT_EQ(submit(1'000, 0), "c1: refused conflict");
}

TEST_F(JobRequests, OfASubmitWithoutADigestTheNumberOfJobsIsCompared) {
  one_worker();
  world.submit(kClient, {{.name = "a"}, {.array = 3}}, "old");
  (void)turn();
  world.store.forget_digests();  // a store of an older version
  world.restart();
  world.submit(kClient, {{.name = "b"}, {.array = 3}}, "old");
  EXPECT_EQ(turn().back().substr(0, 19), "c1: submitted again");
  for (const std::vector<TestJob>& other :
       {std::vector<TestJob>{{}}, {{}, {.array = 4}}, {{}, {.array = 3}, {}}}) {
    world.submit(kClient, other, "old");
    EXPECT_EQ(turn().back().substr(0, 20), "c1: refused conflict") << other.size();
  }
}

TEST_F(JobRequests, WhatNoWorkerCouldEverRunIsSaidOrRefused) {
  one_worker(4);
  struct Case {
    const char* name;
    TestJob job;
    bool fits;
  };
  for (const Case& one :
       {Case{"it fits", {.slots = 4}, true},
        Case{"too many slots", {.slots = 5}, false},
        Case{"a tag that nobody has", {.tags = {"gpu"}}, false}}) {
    SCOPED_TRACE(one.name);
    world.submitted.clear();
    world.submit(kClient, {one.job});
    (void)turn();
    EXPECT_EQ(world.submitted.back().unsatisfiable, !one.fits);
    EXPECT_EQ(world.submitted.back().explanation.workers, one.fits ? 0u : 1u);
    world.submit(kClient, {{}, one.job}, {}, true);
    const Lines said = turn();
    EXPECT_EQ(said.back().find("unplaced: eliminated") != std::string::npos, !one.fits);
  }
  world.worker("w2", 8);
  world.attach("w2", kWorker2);
  (void)turn();
  EXPECT_NE(world.assigned.back().job.value, 1u);  // the one with five slots, on the new worker
}

TEST_F(JobRequests, AtItsLimitTheLedgerTakesNoMore) {
  settings.jobs_max = 3;
  fresh();
  world.submit(kClient, {{}, {}});
  (void)turn();
  world.submit(kClient, {{}, {}});
  EXPECT_NE(
      turn().front().find("refused limit_reached: the ledger keeps 2 jobs, and jobs-max is 3"),
      std::string::npos);
  world.submit(kClient, {{.array = 1'000}});
  EXPECT_EQ(turn().front().substr(0, 23), "c1: submitted j3+1000 (");
}

TEST_F(JobRequests, OrderIsPriorityThenDeadlineThenAge) {
  world.submit(kClient, {{}, {}, {.priority = 1}, {}});
  (void)turn();
  one_worker(1);
  std::vector<uint64_t> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(world.assigned.back().job.value);
    complete(order.back());
  }
  EXPECT_EQ(order, std::vector<uint64_t>({3, 1, 2, 4}));
}

// The first classes in the queue were tried anew whenever something was freed, which is always.
TEST_F(JobRequests, WhatFindsNoRoomDoesNotStarveWhatDoes) {
  one_worker(1);
  (void)running({});
  std::vector<TestJob> jobs;
  for (int64_t slots = 2; slots < 1'500; ++slots)
    jobs.push_back({.priority = 1, .slots = slots});
  jobs.push_back({});
  world.submit(kClient, jobs);
  (void)turn();
  report(ReportKind::Completed, j(1));
  for (int part = 0; part < 5; ++part) {
    world.ledger->on_capacity_freed();
    (void)world.part_of_turn();
  }
  EXPECT_EQ(world.assigned.back().job.value, 1 + jobs.size());
}

TEST_F(JobRequests, AScheduledJobWaitsForItsTime) {
  one_worker();
  world.submit(kClient, {{.scheduled_in_ms = 5'000}});
  (void)turn();
  world.ask(kClient, wire::ExplainJob{{1}});
  EXPECT_EQ(turn(), Lines({"c1: held by schedule"}));
  EXPECT_EQ(world.explained->hold_ms, 5'000u);
  EXPECT_EQ(after(4'900), Lines({}));
  EXPECT_EQ(after(200), Lines({"c11: run j1.1"}));
}

TEST_F(JobRequests, WhatDependsWaitsOrIsAborted) {
  one_worker();
  world.submit(kClient, {{}, {.depends_on_items = {0}}, {.depends_on_items = {0, 1}}});
  EXPECT_EQ(turn(), Lines({"c11: run j1.1", "c1: submitted j1 j2 j3"}));
  world.ask(kClient, wire::ExplainJob{{3}});
  EXPECT_EQ(turn(), Lines({"c1: held by dependency"}));
  EXPECT_EQ(world.explained->dependencies.size(), 2u);
  world.restart();  // positions in the submit have become ids
  world.attach("w1", kWorker1, {j(1)});
  (void)turn();
  world.submit(kClient, {{.depends_on = {3}}});
  (void)turn();
  complete(j(1).epoch == 0 ? 0 : 1);
  EXPECT_EQ(world.assigned.back().job.value, 2u);
  report(ReportKind::Failed, j(2), ErrorClass::Exit);
  (void)turn();
  EXPECT_EQ(world.state_of(3), JobState::Aborted);
  EXPECT_EQ(world.state_of(4), JobState::Aborted);
  world.submit(kClient, {{.depends_on = {99}}});
  EXPECT_NE(
      turn().front().find("refused not_found: job 1: it waits for job 99,"), std::string::npos);
  world.submit(kClient, {{.depends_on = {2}}});
  (void)turn();
  EXPECT_EQ(world.state_of(5), JobState::Aborted);
  retry({2, 2});
  (void)turn();
  retry({5, 5});
  EXPECT_EQ(turn().back(), "c1: 1 changed, 0 unchanged, 0 unknown");
  EXPECT_EQ(world.state_of(5), JobState::Pending);
}

TEST_F(JobRequests, ADependantOfAnArrayWaitsForAllOfIt) {
  one_worker(1);
  world.submit(kClient, {{.array = 3}});
  (void)turn();
  world.submit(kClient, {{.depends_on = {1}}});
  (void)turn();
  for (uint64_t element : {1, 2, 3}) {
    EXPECT_EQ(world.state_of(4), JobState::Pending);
    complete(element);
  }
  EXPECT_EQ(world.state_of(4), JobState::Assigned);
}

TEST_F(JobRequests, AnArrayIsOneRecordUntilItRuns) {
  one_worker(2);
  world.submit(kClient, {{.array = 1'000'000}});
  EXPECT_EQ(turn(), Lines({"c11: run j1.1 j2.1", "c1: submitted j1+1000000"}));
  EXPECT_EQ(world.store.jobs().size(), 3u);
  abort({500, 600}, "these");
  EXPECT_EQ(turn(), Lines({"c1: 101 changed, 0 unchanged, 0 unknown"}));
  world.ask(kClient, wire::ListJobs{});
  EXPECT_EQ(
      turn(),
      Lines({"c1: page j1 ASSIGNED j2 ASSIGNED j3+497 PENDING j500+101 ABORTED j601+999400 "
             "PENDING"}));
  complete(2);
  EXPECT_EQ(world.assigned.back().job.value, 3u);
  world.restart();
  world.ask(kClient, wire::ListJobs{});
  EXPECT_EQ(
      turn(),
      Lines({"c1: page j1 PENDING j2 COMPLETED j3 PENDING j4+496 PENDING j500+101 ABORTED "
             "j601+999400 PENDING"}));
  retry({550, 1'000'000});
  EXPECT_EQ(turn(), Lines({"c1: 51 changed, 999400 unchanged, 0 unknown"}));
  abort({1, 2'000'000}, "all");
  EXPECT_EQ(turn(), Lines({"c1: 999949 changed, 51 unchanged, 1000000 unknown"}));
}

TEST_F(JobRequests, RangesMayBeAsLargeAsNumbersGo) {
  world.submit(kClient, {{}});
  (void)turn();
  const wire::JobRange all[] = {{{0}, {UINT64_MAX}}, {{UINT64_MAX}, {UINT64_MAX}}, {{9}, {3}}};
  world.ask(kClient, wire::WaitJobs{all, 1'000});
  EXPECT_EQ(turn(), Lines({}));
  world.ask(3, wire::ChangeJobs{wire::JobAction::Abort, all, {}, "all"});
  EXPECT_EQ(turn(), Lines({"c3: 1 changed, 0 unchanged, 4294967295 unknown", "c1: all ended"}));
}

TEST_F(JobRequests, AListHasPagesBothWays) {
  world.submit(kClient, std::vector<TestJob>(5));
  (void)turn();
  wire::ListJobs list{.limit = 2};
  world.ask(kClient, list);
  EXPECT_EQ(turn(), Lines({"c1: page j1 PENDING j2 PENDING next 3"}));
  list.cursor = 5;
  world.ask(kClient, list);
  EXPECT_EQ(turn(), Lines({"c1: page j5 PENDING"}));
  list = {.limit = 3, .newest_first = true};
  world.ask(kClient, list);
  EXPECT_EQ(turn(), Lines({"c1: page j5 PENDING j4 PENDING j3 PENDING next 2"}));
  list.cursor = 2;
  world.ask(kClient, list);
  EXPECT_EQ(turn(), Lines({"c1: page j2 PENDING j1 PENDING"}));
}

TEST_F(JobRequests, AListIsFiltered) {
  one_worker(1);
  world.submit(kClient, {{.name = "a"}, {.name = "b"}});
  (void)turn();
  const auto listed = [&](const wire::ListJobs& list) {
    world.ask(kClient, list);
    return turn().back();
  };
  EXPECT_EQ(listed({.states = 1u << 0}), "c1: page j2 PENDING");
  EXPECT_EQ(listed({.worker = "w1"}), "c1: page j1 ASSIGNED");
  EXPECT_EQ(listed({.worker = "w9"}), "c1: page");
  EXPECT_EQ(listed({.name = "b"}), "c1: page j2 PENDING");
  EXPECT_EQ(listed({.queue = "other"}), "c1: page");
  EXPECT_EQ(listed({.label = {"team", "x"}}), "c1: page");
}

// A server that stops kept its connections open for two seconds because of those who wait.
TEST_F(JobRequests, WhoeverWaitsIsAnsweredWhenTheServerStops) {
  one_worker();
  (void)running({});
  world.worker("w2", 1, {"other"});
  world.attach("w2", kWorker2, {}, true);
  const wire::JobRange first{{1}, {1}};
  world.ask(3, wire::WaitJobs{{&first, 1}, 60'000});
  world.ask(4, wire::ReadLog{.job = {1}, .wait_ms = 60'000});
  world.ask(kWorker2, wire::NextJobs{"w2", 1, 60'000});
  (void)turn();
  world.drain();
  const Lines said = turn();
  for (const char* who : {"c3: ", "c4: ", "c12: "}) {
    EXPECT_EQ(
        std::count_if(
            said.begin(),
            said.end(),
            [&](const std::string& line) { return line.starts_with(who); }),
        1)
        << who;
  }
}

TEST_F(JobRequests, WaitingEndsWithTheLastJobOrInTime) {
  one_worker(2);
  world.submit(kClient, {{}, {}});
  (void)turn();
  const wire::JobRange both{{1}, {2}};
  world.ask(kClient, wire::WaitJobs{{&both, 1}, 10'000});
  world.ask(3, wire::WaitJobs{{&both, 1}, 1'000});
  world.ask(4, wire::WaitJobs{{&both, 1}, 0});
  EXPECT_EQ(turn(), Lines({"c4: some live"}));
  complete(1);
  EXPECT_EQ(after(1'100), Lines({"c3: some live"}));
  report(ReportKind::Completed, j(2));
  EXPECT_EQ(turn(), Lines({"c11: reported ok", "c1: all ended"}));
  EXPECT_EQ(world.counts->by_state[static_cast<size_t>(JobState::Completed)], 2u);
}

TEST_F(JobRequests, AWatcherResumesWhereItWas) {
  world.submit(kClient, {{}});
  (void)turn();
  world.ask(kClient, wire::WatchJobs{true, 0, {}});
  (void)turn();
  world.submit(kClient, {{}});
  (void)turn();
  const uint64_t seen = world.watched.back().sequence;
  world.close(kClient);
  world.submit(3, {{}});
  (void)turn();
  world.restart();
  world.watched.clear();
  world.ask(kClient, wire::WatchJobs{true, seen, {}});
  EXPECT_EQ(turn(), Lines({"c1: done", "c1: events j3 PENDING"}));
  world.ask(kClient, wire::WatchJobs{true, seen + (uint64_t{9} << 40), {}});
  EXPECT_NE(turn().front().find("refused stale"), std::string::npos);
  const wire::JobRange only{{5}, {5}};
  world.ask(kClient, wire::WatchJobs{true, 0, {&only, 1}});
  world.submit(3, {{}, {}});
  (void)turn();
  EXPECT_EQ(world.events().back(), "j5 PENDING");
}

TEST_F(JobRequests, EventsThatAreNotKeptAnyMoreAreStale) {
  settings.events_kept = 4;
  fresh();
  world.ask(kClient, wire::WatchJobs{true, 0, {}});
  world.submit(kClient, {{}});
  (void)turn();
  const uint64_t first = world.watched.front().sequence;
  world.submit(kClient, std::vector<TestJob>(4));
  (void)turn();
  world.ask(3, wire::WatchJobs{true, first, {}});
  EXPECT_EQ(turn(), Lines({"c3: done", "c3: events j2 PENDING j3 PENDING j4 PENDING j5 PENDING"}));
  world.submit(kClient, {{}});
  (void)turn();
  world.ask(3, wire::WatchJobs{true, first, {}});
  EXPECT_NE(turn().front().find("c3: refused stale"), std::string::npos);
}

TEST_F(JobRequests, OutputComesFromTheWorkerThatHasIt) {
  one_worker();
  const wire::AssignmentId id = running({});
  world.ask(kClient, wire::ReadLog{.job = id.job});
  EXPECT_EQ(turn(), Lines({"c11: want log j1.1 ticket 1"}));
  wire::LogPiece piece;
  piece.ticket = 1;
  piece.chunk.data = std::as_bytes(std::span("hello", 5));
  world.ask(kWorker1, piece);
  EXPECT_EQ(turn(), Lines({"c11: done", "c1: log hello"}));
  world.ask(kClient, wire::ReadLog{.job = id.job});
  world.close(kWorker1);
  EXPECT_EQ(
      turn(),
      Lines(
          {"c11: want log j1.1 ticket 2",
           "c1: refused busy: the worker that has it is not connected any more: ask again later"}));
  world.ask(kClient, wire::ReadLog{.job = id.job, .attempt = 7});
  EXPECT_NE(turn().front().find("job 1 has no attempt 7"), std::string::npos);
  world.ask(kClient, wire::ReadLog{.job = {9}});
  EXPECT_NE(turn().front().find("no job 9"), std::string::npos);
}

// Tickets are counted up: anybody may guess the next one.
TEST_F(JobRequests, OutputThatComesFromSomebodyElseIsNone) {
  one_worker();
  const wire::AssignmentId id = running({});
  world.ask(kClient, wire::ReadLog{.job = id.job});
  (void)turn();
  wire::LogPiece piece;
  piece.ticket = 1;
  piece.chunk.data = std::as_bytes(std::span("forged", 6));
  world.ask(33, piece);
  EXPECT_EQ(turn(), Lines({"c33: done"}));
  piece.chunk.data = std::as_bytes(std::span("hello", 5));
  world.ask(kWorker1, piece);
  EXPECT_EQ(turn(), Lines({"c11: done", "c1: log hello"}));
}

// An assignment that another worker names is not its own, even when its number was found out.
TEST_F(JobRequests, AWorkerReportsItsOwnAssignmentsAlone) {
  one_worker();
  const wire::AssignmentId id = running({});
  world.worker("w2");
  world.attach("w2", 12);
  (void)turn();
  using wire::ReportKind;
  for (ReportKind kind :
       {ReportKind::Refused, ReportKind::Alive, ReportKind::Completed, ReportKind::Failed}) {
    world.report(12, "w2", kind, id);
    world.report(12, "", kind, id);
    EXPECT_EQ(turn(), Lines({"c12: reported stale", "c12: reported stale"}));
  }
  EXPECT_EQ(world.state_of(id.job.value), wire::JobState::Running);
}

TEST_F(JobRequests, AWorkerMayPull) {
  world.worker("w1");
  world.attach("w1", kWorker1, {}, true);
  world.submit(kClient, {{}, {}, {}});
  EXPECT_EQ(turn(), Lines({"c11: attached", "c1: submitted j1 j2 j3"}));
  // It was left alone while it did not ask; its owner hears that it does, and says so.
  for (const char* line : {"c11: run j1.1 j2.1", "c11: run j3.1"}) {
    world.ask(kWorker1, wire::NextJobs{"w1", 2, 1'000});
    EXPECT_EQ(turn(), Lines({}));
    EXPECT_EQ(turn(), Lines({line}));
  }
  world.ask(kWorker1, wire::NextJobs{"w1", 2, 1'000});
  EXPECT_EQ(after(900), Lines({}));
  EXPECT_EQ(after(200), Lines({"c11: run"}));
  world.ask(5, wire::NextJobs{"w1", 2, 1'000});
  EXPECT_NE(turn().front().find("c5: refused not_found"), std::string::npos);
}

TEST_F(JobRequests, AWorkerIdBelongsToWhoeverBroughtItsNonce) {
  world.worker("w1");
  world.attach("w1", kWorker1, {}, false, 7);
  EXPECT_EQ(turn(), Lines({"c11: attached"}));
  world.restart();
  for (uint64_t nonce : {uint64_t{0}, uint64_t{8}}) {
    world.attach("w1", 12, {}, false, nonce);
    EXPECT_NE(turn().front().find("c12: refused conflict"), std::string::npos) << nonce;
  }
  world.attach("w1", 12, {}, false, 7, 5);
  EXPECT_EQ(turn(), Lines({"c12: attached"}));
  world.attach("w1", 13, {}, false, 7, 4);
  EXPECT_NE(turn().front().find("c13: refused conflict"), std::string::npos);
}

TEST_F(JobRequests, NobodyIsGivenAJobWhoDoesNotSpeakForAWorker) {
  world.worker("w1");
  world.submit(kClient, {{}});
  EXPECT_EQ(turn(), Lines({"c1: submitted j1"}));
  world.ask(kClient, wire::ExplainJob{{1}});
  EXPECT_EQ(turn(), Lines({"c1: held by capacity"}));
  EXPECT_EQ(world.tables->jobs_waiting.load(), 1u);
  world.attach("w1", kWorker1);
  EXPECT_EQ(turn(), Lines({"c11: attached"}));
  EXPECT_EQ(turn(), Lines({"c11: run j1.1"}));  // its cooldown was ended in between
  EXPECT_EQ(world.tables->jobs_waiting.load(), 0u);
}

}  // namespace
}  // namespace berth::core
