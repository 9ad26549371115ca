#include "tools/cli/shapes.h"

#include <gtest/gtest.h>

#include "tools/cli/session.h"

namespace berth::cli {
namespace {

// Scripts depend on these letter by letter.
TEST(Shapes, StayAsTheyAre) {
  client::Placement placement{
      .worker = "w", .address = "h:1", .reservation = 7, .expires_in = client::Milliseconds(1'500)};
  placement.gpus = {0, 2};
  placement.load = 0.5;
  EXPECT_EQ(
      to_line(placement_json(placement, false)),
      R"({"worker_id":"w","address":"h:1","reservation_id":7,"expires_in_s":1.5,"gpus":[0,2],"load":0.5,"repeated":false})"
      "\n");

  client::Error error{.code = client::ErrorCode::CannotBePlaced, .message = "m"};
  error.no_place = client::NoPlace::Eliminated;
  error.explanation = {
      .workers = 3, .eligible = 0, .eliminated = {{"tag:gpu", 2}, {"cpu", 1, 64'000, 8'000}}};
  EXPECT_EQ(
      to_line(error_json(error)),
      R"({"error":"cannot_be_placed","message":"m","reason":"eliminated","explanation":)"
      R"({"workers":3,"eligible":0,"eliminated":{"tag:gpu":2,"cpu":1},)"
      R"("amounts":{"cpu":{"asked":64000,"largest":8000}},"queue_position":0}})"
      "\n");

  EXPECT_EQ(
      to_line(stats_json({{"a_total", -1, 2}, {"b", 0, 0.5}})),
      R"({"stats":[{"name":"a_total","shard":null,"value":2},{"name":"b","shard":0,"value":0.5}]})"
      "\n");
  EXPECT_EQ(
      to_line(tags_json({{"gpu", 3}})),
      R"({"tags":[{"tag":"gpu","workers":3}]})"
      "\n");
  EXPECT_EQ(
      to_line(event_json({.gap = true})),
      R"({"gap":true})"
      "\n");
}

TEST(Shapes, OfAWorkerHaveEveryKeyEvenWhenThereIsNothingToSay) {
  const Json json = worker_json({});
  for (const char* key :
       {"id",
        "address",
        "status",
        "cordoned",
        "draining",
        "reason",
        "load",
        "tags",
        "labels",
        "capacity",
        "free",
        "gpus",
        "reported_tasks",
        "held_slots",
        "usage",
        "heartbeat_age_s",
        "cooldown_s",
        "agent_version"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_TRUE(json["labels"].is_object());
  EXPECT_TRUE(json["tags"].is_array());
}

TEST(Shapes, SurviveBytesThatAreNotUtf8) {
  EXPECT_EQ(
      to_line(tags_json({{"\xff", 1}})), "{\"tags\":[{\"tag\":\"\xEF\xBF\xBD\",\"workers\":1}]}\n");
}

TEST(ExitCodes, TellApartWhatWentWrong) {
  using client::ErrorCode;
  using client::NoPlace;
  using client::Refusal;
  struct Case {
    ErrorCode code;
    Refusal refusal;
    NoPlace no_place;
    Exit exit;
  };
  const Case cases[] = {
      {ErrorCode::Unreachable, {}, {}, Exit::Unreachable},
      {ErrorCode::TimedOut, {}, {}, Exit::TimedOut},
      {ErrorCode::Refused, Refusal::BadRequest, {}, Exit::Usage},
      {ErrorCode::Refused, Refusal::NotFound, {}, Exit::NotFound},
      {ErrorCode::Refused, Refusal::Conflict, {}, Exit::Conflict},
      {ErrorCode::Refused, Refusal::Denied, {}, Exit::Denied},
      {ErrorCode::Refused, Refusal::Busy, {}, Exit::Failed},
      {ErrorCode::Refused, Refusal::ShuttingDown, {}, Exit::Unreachable},
      {ErrorCode::CannotBePlaced, {}, NoPlace::Eliminated, Exit::CannotBePlaced},
      {ErrorCode::CannotBePlaced, {}, NoPlace::NoWorkers, Exit::CannotBePlaced},
      {ErrorCode::CannotBePlaced, {}, NoPlace::TimedOut, Exit::TimedOut},
      {ErrorCode::BadArgument, {}, {}, Exit::Usage},
      {ErrorCode::Protocol, {}, {}, Exit::Failed},
  };
  for (const Case& each : cases) {
    client::Error error{.code = each.code};
    error.refusal = each.refusal;
    error.no_place = each.no_place;
    EXPECT_EQ(exit_code(error), each.exit) << client::error_token(error);
  }
}

}  // namespace
}  // namespace berth::cli
