#include "net/api/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http/json_out.h"

namespace berth::net {
namespace {

TEST(Problem, GivesEveryRefusalOfTheWireAStatus) {
  struct Case {
    wire::Refusal code;
    int status;
    const char* token;
    uint32_t retry_after_s;
  };
  const Case cases[] = {
      {wire::Refusal::BadRequest, 400, "bad_request", 0},
      {wire::Refusal::NotFound, 404, "not_found", 0},
      {wire::Refusal::Conflict, 409, "conflict", 0},
      {wire::Refusal::Denied, 403, "denied", 0},
      {wire::Refusal::Busy, 503, "busy", 1},
      {wire::Refusal::LimitReached, 429, "limit_reached", 0},
      {wire::Refusal::Stale, 409, "stale", 0},
      {wire::Refusal::Unsupported, 501, "unsupported", 0},
      {wire::Refusal::ShuttingDown, 503, "shutting_down", 1},
  };
  for (const Case& c : cases) {
    const Problem problem = problem_of(wire::Refused{c.code, "because"});
    EXPECT_EQ(problem.status, c.status) << c.token;
    EXPECT_EQ(problem.code, c.token);
    EXPECT_EQ(problem.detail, "because");
    EXPECT_EQ(problem.retry_after_s, c.retry_after_s) << c.token;
  }
}

TEST(Problem, TellsAFleetWithoutAPlaceFromAServerWithoutRoom) {
  for (const wire::NoPlace reason :
       {wire::NoPlace::NoWorkers, wire::NoPlace::Eliminated, wire::NoPlace::TimedOut}) {
    EXPECT_EQ(problem_of(wire::Unplaced{.reason = reason, .explanation = {}}).status, 409);
  }
  const Problem full =
      problem_of(wire::Unplaced{.reason = wire::NoPlace::QueueFull, .explanation = {}});
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.retry_after_s, 1u);
}

TEST(Problem, IsWrittenAsRfc9457HasItAndExplains) {
  const wire::Elimination eliminated[] = {{"tag:gpu", 3}, {"cpu", 1, 4000, 2000}};
  wire::Unplaced unplaced;
  unplaced.reason = wire::NoPlace::Eliminated;
  unplaced.explanation = {.workers = 4, .eligible = 0, .eliminated = eliminated};
  JsonOut json;
  write_problem(json, problem_of(unplaced));
  EXPECT_EQ(
      json.text(),
      R"({"type":"about:blank","title":"Conflict","status":409,"code":"cannot_be_placed",)"
      R"("detail":"no worker meets every requirement","reason":"eliminated",)"
      R"("explanation":{"workers":4,"eligible":0,"eliminated":{"tag:gpu":3,"cpu":1},)"
      R"("amounts":{"cpu":{"asked":4000,"largest":2000}},)"
      R"("queue_position":0}})");
}

TEST(Problem, LeavesOutWhatItDoesNotHave) {
  Problem problem;
  problem.code = "bad_request";
  problem.detail = "x";
  problem.pointer = "/a";
  JsonOut json;
  write_problem(json, problem);
  EXPECT_EQ(
      json.text(),
      R"({"type":"about:blank","title":"Bad Request","status":400,"code":"bad_request",)"
      R"("detail":"x","pointer":"/a"})");
}

}  // namespace
}  // namespace berth::net
