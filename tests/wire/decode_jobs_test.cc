#include <gtest/gtest.h>

#include "tests/wire/handmade.h"

namespace berth::wire {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::uoffset_t;

// Places in the schema, which never change.
constexpr uint8_t kSubmitJobs = 24;
constexpr uint8_t kAttachWorker = 33;

TEST(DecodeJobs, RefusesEnumeratorsItDoesNotKnow) {
  constexpr uint8_t kVerdicts[] = {0, 1, 3};
  const ReportItem bad_kind = {.kind = static_cast<ReportKind>(7)};
  const ReportItem bad_error = {.error = {.kind = static_cast<ErrorClass>(9)}};
  const Request requests[] = {
      ChangeJobs{.action = static_cast<JobAction>(2)},
      ReadLog{.stream = static_cast<OutputStream>(2)},
      Report{.items = {&bad_kind, 1}},
      Report{.items = {&bad_error, 1}},
      LogPiece{.refusal = static_cast<Refusal>(10)},
  };
  for (const Request& request : requests) {
    EXPECT_EQ(decode<Request>(encoded(request)), DecodeStatus::BadEnum) << describe(request);
  }
  const JobRow row = {.state = static_cast<JobState>(kJobStateCount)};
  const JobRow bad_advice = {.forecast = {.memory_advice = static_cast<MemoryAdvice>(3)}};
  const AttemptRow attempt = {.state = static_cast<JobState>(255)};
  const JobEvent event = {.error = static_cast<ErrorClass>(9)};
  const PlannedJob bad_state = {.state = static_cast<PlannedState>(3)};
  const PlannedJob bad_change = {.change = static_cast<PlanChange>(3)};
  const Reply replies[] = {
      JobPage{.rows = {&row, 1}},
      JobPage{.rows = {&bad_advice, 1}},
      JobDetails{.attempts = {&attempt, 1}},
      JobExplanation{.hold = static_cast<JobHold>(6)},
      JobEvents{.events = {&event, 1}},
      Attached{.verdicts = kVerdicts},
      Reported{.verdicts = kVerdicts},
      WantLog{.stream = static_cast<OutputStream>(2)},
      PlanPage{.planner = {.state = static_cast<PlannerState>(4)}},
      PlanDetails{.row = {.cause = static_cast<PlanCause>(kPlanCauseCount)}},
      PlanDetails{.row = {.objective = static_cast<PlanObjective>(kPlanObjectiveCount)}},
      PlanDetails{.row = {.outcome = static_cast<PlanOutcome>(kPlanOutcomeCount)}},
      PlanDetails{.jobs = {&bad_state, 1}},
      PlanDetails{.jobs = {&bad_change, 1}},
  };
  for (const Reply& reply : replies) {
    EXPECT_EQ(decode<Reply>(encoded(reply)), DecodeStatus::BadEnum) << describe(reply);
  }
}

// Whatever its length and whatever comes before it: it will be read where it lies.
TEST(DecodeJobs, HandsOverForecastsAsTheyAre) {
  const JobForecast forecast = {
      .start_at_ms = 1'700'000'000'001,
      .start_early_ms = 1'700'000'000'000,
      .start_late_ms = 1'700'000'000'009,
      .planned = true,
      .run_ms = 3,
      .run_short_ms = 2,
      .run_long_ms = 4,
      .runs_seen = 5,
      .memory_top_bytes = uint64_t{1} << 40,
      .memory_advice = MemoryAdvice::AskMore};
  const JobRow rows[] = {{.forecast = forecast}, {}};
  Aligned page(encoded(Reply(JobPage{.rows = rows})));
  Decoder decoder;
  Reply reply;
  ASSERT_EQ(decoder.decode(page.bytes(), reply), DecodeStatus::Ok);
  EXPECT_EQ(std::get<JobPage>(reply).rows[0].forecast, forecast);
  EXPECT_EQ(std::get<JobPage>(reply).rows[1].forecast, JobForecast{});
}

TEST(DecodeJobs, HandsOverSpecsAligned) {
  const std::vector<std::byte> bytes(64, std::byte{7});
  for (size_t length = 0; length <= 40; ++length) {
    for (size_t id = 0; id < 9; ++id) {
      const std::span<const std::byte> specs[] = {
          std::span(bytes).first(length), std::span(bytes).first(3), std::span(bytes)};
      const std::string request_id(id, 'r');
      Aligned payload(encoded(Request(SubmitJobs{.request = request_id, .specs = specs})));
      Decoder decoder;
      Request request;
      ASSERT_EQ(decoder.decode(payload.bytes(), request), DecodeStatus::Ok);
      const auto& submit = std::get<SubmitJobs>(request);
      ASSERT_EQ(submit.specs.size(), 3u);
      ASSERT_EQ(submit.specs[0].size(), length);
      for (const auto& spec : submit.specs)
        ASSERT_EQ(reinterpret_cast<uintptr_t>(spec.data()) % 8, 0u);
    }
  }
}

// To the verifier these are plain bytes.
TEST(DecodeJobs, RefusesSpecsThatAreNotAligned) {
  int taken = 0;
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::vector<std::byte> bytes = payload(kSubmitJobs, [&](FlatBufferBuilder& b) {
      b.PushElement<uint64_t>(0);  // makes the whole payload 8-byte aligned
      const std::vector<uint8_t> spec(16 + shift, 7);
      const uoffset_t data = b.CreateVector(spec).o;
      return table(b, {{1, list(b, 1, table(b, {{0, data}}))}});
    });
    const DecodeStatus status = decode<Request>(bytes);
    EXPECT_TRUE(status == DecodeStatus::Unverifiable || status == DecodeStatus::Ok);
    taken += status == DecodeStatus::Ok ? 1 : 0;
  }
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 4) << "4-byte alignment is all that the length of a list has";
}

TEST(DecodeJobs, RefusesAssignmentIdsThatAreNotAligned) {
  int refused = 0;
  for (const size_t shift : {0, 1}) {
    const std::vector<std::byte> bytes = payload(kAttachWorker, [&](FlatBufferBuilder& b) {
      b.PushElement<uint64_t>(0);
      if (shift != 0) b.PushElement<uint32_t>(0);
      b.StartVector(6, sizeof(uint32_t));
      for (uint32_t i = 0; i < 6; ++i)
        b.PushElement<uint32_t>(i);
      return table(b, {{4, b.EndVector(1)}});
    });
    const DecodeStatus status = decode<Request>(bytes);
    refused += status == DecodeStatus::Unverifiable ? 1 : 0;
    EXPECT_TRUE(status == DecodeStatus::Unverifiable || status == DecodeStatus::Ok);
  }
  EXPECT_EQ(refused, 1) << "one of the two is 4 bytes off";
}

// Else a frame of 1 MiB could have gigabytes read and kept.
TEST(DecodeJobs, RefusesSpecsThatShareTheirBytes) {
  const auto submit = [](size_t count, bool shared) {
    return payload(kSubmitJobs, [&](FlatBufferBuilder& b) {
      const std::vector<uint8_t> spec(1'024, 7);
      const auto bytes = [&] {
        b.ForceVectorAlignment(spec.size(), 1, 8);
        return table(b, {{0, b.CreateVector(spec).o}});
      };
      const uoffset_t first = bytes();
      if (shared) return table(b, {{1, list(b, count, first)}});
      std::vector<flatbuffers::Offset<void>> all = {first};
      while (all.size() < count)
        all.emplace_back(bytes());
      return table(b, {{1, b.CreateVector(all).o}});
    });
  };
  EXPECT_EQ(decode<Request>(submit(4'000, false)), DecodeStatus::Ok);
  EXPECT_EQ(decode<Request>(submit(4'000, true)), DecodeStatus::Unverifiable);
}

TEST(DecodeJobs, BoundsTheTablesOfAKind) {
  const std::vector<std::span<const std::byte>> fits(32'767);
  EXPECT_EQ(decode<Request>(encoded(Request(SubmitJobs{.specs = fits}))), DecodeStatus::Ok);
  const std::vector<std::span<const std::byte>> too_many(32'768);
  EXPECT_EQ(
      decode<Request>(encoded(Request(SubmitJobs{.specs = too_many}))), DecodeStatus::Unverifiable);
}

// What an agent tells after hours without a server: two thousand ends, each with what it left.
TEST(DecodeJobs, TakesAReportOfManyEnds) {
  const std::vector<OutputFile> outputs(5, OutputFile{.name = "stdout", .bytes = 7});
  const std::vector<ReportItem> items(
      2'048,
      ReportItem{
          .kind = ReportKind::Failed,
          .error = {.kind = ErrorClass::Exit, .exit_code = 1},
          .usage = {.wall_ms = 5},
          .outputs = outputs});
  EXPECT_EQ(
      decode<Request>(encoded(Request(Report{.worker = "w", .items = items}))), DecodeStatus::Ok);
}

// A server of a later version may know more states.
TEST(DecodeJobs, TakesCountsOfFewerOrMoreStatesThanThereAreHere) {
  constexpr uint8_t kJobCounts = 42;
  for (const size_t states : {0, 3, 8, 11}) {
    const std::vector<std::byte> bytes = payload(kJobCounts, [&](FlatBufferBuilder& b) {
      const std::vector<uint64_t> counts(states, 5);
      return table(b, {{0, b.CreateVector(counts).o}});
    });
    Aligned aligned(bytes);
    Decoder decoder;
    Reply reply;
    ASSERT_EQ(decoder.decode(aligned.bytes(), reply), DecodeStatus::Ok);
    const auto& counts = std::get<JobCounts>(reply);
    for (size_t i = 0; i < counts.by_state.size(); ++i)
      EXPECT_EQ(counts.by_state[i], i < states ? 5u : 0u);
  }
}

}  // namespace
}  // namespace berth::wire
