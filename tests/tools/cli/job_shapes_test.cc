#include "net/forms/job_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/forms/event_shapes.h"
#include "tools/cli/event_text.h"
#include "tools/cli/job_text.h"
#include "tools/cli/shapes.h"

namespace berth::cli {
namespace {

using testing::HasSubstr;

constexpr int64_t kNow = 1'769'846'400'000;  // 2026-01-31T08:00:00Z

client::JobStatus failed_job() {
  client::JobStatus job{.id = 12, .name = "train", .state = client::JobState::Failed};
  job.labels = {{"team", "a"}};
  job.attempt_count = 2;
  job.attempts_max = 2;
  job.submitted_at_ms = kNow - 90'000;
  job.started_at_ms = kNow - 60'000;
  job.finished_at_ms = kNow - 30'000;
  job.last_error = {.kind = client::ErrorClass::Exit, .exit_code = 3, .message = "exit code 3"};
  job.worker = "w1";
  job.summary = "python3 train.py";
  job.assignment = {.job = 12, .attempt = 2, .epoch = 77};
  job.usage = {client::Milliseconds(1'500), 4'096, client::Milliseconds(30'000)};
  return job;
}

// Scripts depend on these letter by letter.
TEST(JobShapes, StayAsTheyAre) {
  EXPECT_EQ(
      to_line(job_json(failed_job(), kNow)),
      R"({"job_id":12,"name":"train","queue":null,"tenant":null,"labels":{"team":"a"},"array":null,)"
      R"("state":"FAILED","priority":0,"attempt_count":2,"max_attempts":2,)"
      R"("submitted_at":"2026-01-31T07:58:30.000Z","queued_at":null,"assigned_at":null,)"
      R"("started_at":"2026-01-31T07:59:00.000Z","finished_at":"2026-01-31T07:59:30.000Z",)"
      R"("scheduled_at":null,"deadline_at":null,)"
      R"("last_error":{"class":"exit","message":"exit code 3","exit_code":3,"signal":null},)"
      R"("worker_id":"w1","assignment_id":"12.2.77","assignment_expires_at":null,)"
      R"("usage":{"cpu_s":1.5,"memory_peak_bytes":4096,"wall_s":30.0},"unsatisfiable":false,)"
      R"("summary":"python3 train.py","estimated_start":null,"expected_run_s":null,)"
      R"("expected_memory":null})"
      "\n");
  EXPECT_EQ(
      to_line(submitted_json({{.first = 5, .count = 10}}, false)),
      R"({"jobs":[{"job_id":5,"count":10,"unsatisfiable":false}],"repeated":false})"
      "\n");
  EXPECT_EQ(
      to_line(changed_json({3, 2, 1})),
      R"({"changed":3,"unchanged":2,"unknown":1})"
      "\n");
  client::JobCounts counts;
  counts.by_state[5] = 4;
  counts.done = true;
  EXPECT_EQ(
      to_line(counts_json(counts, false)),
      R"({"done":true,"timed_out":false,"states":{"PENDING":0,"ASSIGNED":0,"RUNNING":0,"LOST":0,)"
      R"("RETRYING":0,"COMPLETED":4,"FAILED":0,"ABORTED":0},"unknown":0,"first_failed":null})"
      "\n");
  client::JobEvent event{.sequence = 9, .at_ms = kNow, .job = 12};
  event.state = client::JobState::Lost;
  event.attempt = 1;
  event.error = client::ErrorClass::Lost;
  EXPECT_EQ(
      to_line(job_event_json(event)),
      R"({"gap":false,"sequence":9,"at":"2026-01-31T08:00:00.000Z","job_id":12,"count":1,)"
      R"("state":"LOST","attempt":1,"worker_id":null,"error":"lost","reason":null})"
      "\n");
  EXPECT_EQ(to_line(job_event_json({.gap = true})), "{\"gap\":true}\n");
}

TEST(JobShapes, OfEventsSayWhatKindTheyAre) {
  client::Event event{.sequence = 10, .at_ms = kNow, .kind = client::EventKind::Worker};
  event.worker = "w1";
  event.worker_change = client::WorkerChange::Draining;
  event.reason = "new disk";
  EXPECT_EQ(
      to_line(forms::event_json(event)),
      R"({"gap":false,"sequence":10,"at":"2026-01-31T08:00:00.000Z","kind":"worker",)"
      R"("worker_id":"w1","change":"draining","reason":"new disk"})"
      "\n");
  EXPECT_THAT(event_text(event), HasSubstr("w1  draining (new disk)\n"));
  event = {.sequence = 11, .at_ms = kNow, .kind = client::EventKind::Plan, .count = 5, .plan = 9};
  event.plan_of = "requests";
  EXPECT_EQ(forms::event_json(event)["placed"], 5);
  EXPECT_THAT(event_text(event), HasSubstr("plan 9 of requests placed 5\n"));
  event.plan_of = "jobs";
  event.plan_cause = "worker_lost";
  event.plan_outcome = "applied";
  event.moved = 2;
  EXPECT_EQ(
      to_line(forms::event_json(event)),
      R"({"gap":false,"sequence":11,"at":"2026-01-31T08:00:00.000Z","kind":"plan","plan_id":9,)"
      R"("of":"jobs","outcome":"applied","cause":"worker_lost","planned":5,"moved":2,)"
      R"("reason":null})"
      "\n");
  EXPECT_THAT(
      event_text(event),
      HasSubstr("plan 9 of jobs applied, made for worker_lost: 5 planned, 2 moved\n"));
  event = {.sequence = 12, .at_ms = kNow, .kind = client::EventKind::Server};
  EXPECT_EQ(forms::event_json(event)["change"], "started");
  event = {.sequence = 13, .at_ms = kNow, .job = 12};
  EXPECT_EQ(forms::event_json(event)["kind"], "job");
  EXPECT_EQ(forms::event_json(event)["job_id"], 12);
  EXPECT_EQ(to_line(forms::event_json({.gap = true})), "{\"gap\":true}\n");
}

TEST(JobShapes, SayWhatIsExpected) {
  client::JobStatus job{.id = 1};
  job.forecast = {
      .start_at_ms = kNow + 60'000,
      .start_early_ms = kNow + 30'000,
      .start_late_ms = kNow + 120'000,
      .run = client::Milliseconds(5'000),
      .run_short = client::Milliseconds(4'000),
      .run_long = client::Milliseconds(6'500),
      .runs_seen = 3,
      .memory_top_bytes = 1u << 30,
      .memory_advice = client::MemoryAdvice::AskLess};
  const Json json = job_json(job, kNow);
  EXPECT_EQ(json["estimated_start"]["at"], "2026-01-31T08:01:00.000Z");
  EXPECT_EQ(json["estimated_start"]["planned"], false);
  job.forecast.planned = true;
  EXPECT_EQ(job_json(job, kNow)["estimated_start"]["planned"], true);
  EXPECT_EQ(json["expected_run_s"]["p90"], 6.5);
  EXPECT_EQ(json["expected_memory"]["advice"], "ask-less");
  EXPECT_THAT(memory_text(job.forecast), HasSubstr("less than 1GiB; ask for less"));
  EXPECT_EQ(memory_text({}), "");
}

TEST(JobShapes, SayWhenALeaseEnds) {
  client::JobStatus job{.id = 1, .state = client::JobState::Running};
  job.is_array = true;
  job.array_index = 7;
  job.expires_in = client::Milliseconds(20'000);
  const Json json = job_json(job, kNow);
  EXPECT_EQ(json["assignment_expires_at"], "2026-01-31T08:00:20.000Z");
  EXPECT_EQ(json["array"]["index"], 7);
  EXPECT_TRUE(json["last_error"].is_null());
  EXPECT_TRUE(json["assignment_id"].is_null());
}

TEST(JobShapes, AreNullWhereThereIsNothing) {
  client::JobStatus job{.id = 1};
  EXPECT_TRUE(job_json(job, kNow)["usage"].is_null());
  job.started_at_ms = kNow;
  EXPECT_EQ(job_json(job, kNow)["usage"]["wall_s"], 0.0);

  client::Attempt attempt;
  attempt.outputs = {{.name = "stdout"}};
  const Json json = attempt_json(attempt);
  EXPECT_TRUE(json["usage"].is_null());
  EXPECT_TRUE(json["outputs"][0]["path"].is_null());
  EXPECT_TRUE(json["outputs"][0]["sha256"].is_null());
}

TEST(JobText, ShowsJobsAndRestsOfArrays) {
  client::JobStatus rest{.id = 20, .name = "step", .submitted_at_ms = kNow - 5'000};
  rest.is_array = true;
  rest.array_index = 3;
  rest.array_count = 98;
  rest.unsatisfiable = true;
  const std::string text = job_table({failed_job(), rest}, kNow).text();
  EXPECT_THAT(text, HasSubstr("   12  train"));
  EXPECT_THAT(text, HasSubstr("FAILED"));
  EXPECT_THAT(text, HasSubstr("1m30s  30s  exit 3"));
  EXPECT_THAT(text, HasSubstr("20-117  step[3-100]"));
  EXPECT_THAT(text, HasSubstr("PENDING!"));
  client::JobStatus unnamed{.id = 9, .summary = "sh -c 'a line of a script that is long'"};
  EXPECT_THAT(
      job_table({unnamed}, kNow).text(), HasSubstr("-     sh -c 'a line of a script that i…  -"));
  client::JobStatus quick = failed_job();
  quick.finished_at_ms = quick.started_at_ms;
  EXPECT_THAT(job_table({quick}, kNow).text(), HasSubstr("1m30s  <1ms  exit 3"));
}

TEST(JobText, SaysHowLongAnAttemptRan) {
  struct Case {
    const char* what;
    int64_t wall_ms;
    int64_t started_at_ms;
    int64_t finished_at_ms;
    const char* ran;
  };
  const Case cases[] = {
      {"it was measured", 29'994, kNow - 60'000, kNow, " 30s "},
      {"it still runs", 0, kNow - 60'000, 0, " 1m "},
      {"it was lost", 0, kNow - 60'000, kNow - 40'000, " 20s "},
      {"it ended at once", 0, kNow, kNow, " <1ms "},
      {"it never started", 0, 0, kNow, " - "},
  };
  for (const Case& each : cases) {
    client::JobDetails details{.job = {.id = 1}};
    client::Attempt attempt{.worker = "w1"};
    attempt.usage.wall = client::Milliseconds(each.wall_ms);
    attempt.started_at_ms = each.started_at_ms;
    attempt.finished_at_ms = each.finished_at_ms;
    details.attempts = {attempt};
    EXPECT_THAT(job_details_text(details, kNow), HasSubstr(each.ran)) << each.what;
  }
}

TEST(JobText, SaysWhatAPendingJobWaitsFor) {
  struct Case {
    client::JobHold hold;
    const char* said;
  };
  const Case cases[] = {
      {client::JobHold::Queue, "waits for its turn"},
      {client::JobHold::Capacity, "waits for a worker with room"},
      {client::JobHold::Schedule, "for another 1m30s"},
      {client::JobHold::Dependency, "waits for jobs 3, 4 to complete"},
      {client::JobHold::Backoff, "failed (exit 3) and is tried again in 1m30s"},
  };
  for (const Case& each : cases) {
    client::JobExplanation explanation{.job = failed_job(), .hold = each.hold};
    explanation.job.state = client::JobState::Pending;
    explanation.hold_for = client::Milliseconds(90'000);
    explanation.dependencies = {3, 4};
    explanation.avoided = {"w1"};
    explanation.explanation = {.workers = 2, .eliminated = {{"tag:gpu", 2}}, .queue_position = 5};
    const std::string text = job_explanation_text(explanation, false, kNow);
    EXPECT_THAT(text, HasSubstr(each.said));
    EXPECT_THAT(text, HasSubstr("number 5 in the queue"));
    EXPECT_THAT(text, HasSubstr("failed on w1"));
    EXPECT_THAT(text, HasSubstr("tag:gpu"));
  }
}

// With no run seen it was said to be as other jobs', even where the job had said so itself.
TEST(JobText, SaysWhereTheExpectedTimeComesFrom) {
  struct Case {
    uint32_t runs_seen;
    bool has_estimate;
    const char* said;
  };
  const Case cases[] = {
      {3, true, "as such jobs did before"},
      {3, false, "as such jobs did before"},
      {0, true, "by its --estimate"},
      {0, false, "as other jobs do"},
  };
  for (const Case& each : cases) {
    client::JobExplanation explanation;
    explanation.job = failed_job();
    explanation.job.forecast.run = client::Milliseconds(60'000);
    explanation.job.forecast.runs_seen = each.runs_seen;
    EXPECT_THAT(job_explanation_text(explanation, each.has_estimate, kNow), HasSubstr(each.said));
    client::JobDetails details;
    details.job = explanation.job;
    details.spec.estimated = client::Milliseconds(each.has_estimate ? 60'000 : 0);
    EXPECT_THAT(job_details_text(details, kNow), HasSubstr(each.said));
  }
}

TEST(JobText, ShowsProgressInTheRoomThereIs) {
  client::JobCounts counts;
  counts.by_state[0] = 30;
  counts.by_state[2] = 10;
  counts.by_state[5] = 58;
  counts.by_state[6] = 2;
  EXPECT_EQ(progress_text(counts, 50), "[###########--------] 60/100  10 running  2 failed");
  EXPECT_EQ(progress_text(counts, 6), "60/100");
  EXPECT_EQ(progress_text({}, 30), "[########################] 0/0");
}

TEST(JobText, KeepsControlCharactersFromTheTerminal) {
  client::JobStatus job = failed_job();
  job.name = "a\x1b[2Jb";
  job.last_error = {.kind = client::ErrorClass::Refused, .message = "x\ny"};
  client::JobDetails details{.job = job};
  details.spec.command = {"echo", "\x1b[2J"};
  const std::string text = job_details_text(details, kNow) + job_table({job}, kNow).text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("x\ny"), std::string::npos);
}

}  // namespace
}  // namespace berth::cli
