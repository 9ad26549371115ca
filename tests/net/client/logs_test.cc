#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/client/client.h"
#include "net/sha256.h"
#include "tests/net/client/scripted_server.h"

namespace berth::client {
namespace {

using Answer = std::optional<wire::Reply>;
using testing::HasSubstr;

std::string sha256(const std::string& text) {
  net::Sha256 digest;
  digest.add(std::as_bytes(std::span(text)));
  return digest.hex();
}

/// The output of attempt 2 of a job, given out three bytes at a time; not there for the first
/// question, and the connection is lost once in the middle.
struct Log {
  std::string text = "hello, log";
  std::string digest = sha256("hello, log");
  ScriptedServer* server = nullptr;
  bool dropped = false;
  int asked = 0;
  std::vector<uint32_t> attempts;

  Answer operator()(const wire::Request& request) {
    const auto* read = std::get_if<wire::ReadLog>(&request);
    if (read == nullptr) return std::nullopt;
    attempts.push_back(read->attempt);
    if (++asked == 1) return wire::LogChunk{};  // no attempt has started
    if (read->offset == 6 && !dropped) {
      dropped = true;
      server->drop_connections();
      return std::nullopt;
    }
    wire::LogChunk chunk{.offset = read->offset, .size = text.size(), .attempt = 2};
    chunk.data = std::as_bytes(std::span(text))
                     .subspan(read->offset)
                     .first(std::min<size_t>(3, text.size() - read->offset));
    chunk.complete = read->offset + chunk.data.size() == text.size();
    if (chunk.complete) chunk.sha256 = digest;
    return chunk;
  }
};

struct Followed {
  std::string text;
  Result<LogEnd> end;
};

Followed follow(Log& log, LogRequest request, size_t enough = SIZE_MAX) {
  ScriptedServer server(std::ref(log));
  log.server = &server;
  Options options;
  options.endpoints = {server.endpoint()};
  options.backoff_first = Milliseconds(5);
  options.backoff_max = Milliseconds(20);
  const auto client = BlockingClient::create(std::move(options));
  std::string text;
  Result<LogEnd> end = (*client)->follow_log(request, [&](const LogChunk& chunk) {
    text += chunk.data;
    return text.size() < enough;
  });
  return {text, end};
}

TEST(Logs, AreReadToTheirEndAcrossALostConnection) {
  Log log;
  const Followed followed = follow(log, {.job = 7});
  ASSERT_TRUE(followed.end.ok()) << followed.end.error().message;
  EXPECT_EQ(followed.text, log.text);
  EXPECT_EQ(followed.end->attempt, 2u);
  EXPECT_EQ(followed.end->bytes, log.text.size());
  EXPECT_EQ(followed.end->sha256, log.digest);
  // It waits for any attempt, and stays with the one that it has seen.
  EXPECT_EQ(log.attempts.front(), 0u);
  EXPECT_EQ(log.attempts.back(), 2u);
}

TEST(Logs, ThatAreNotWhatWasWrittenAreAnError) {
  Log log;
  log.digest = sha256("something else");
  const Followed followed = follow(log, {.job = 7});
  ASSERT_FALSE(followed.end.ok());
  EXPECT_EQ(followed.end.error().code, ErrorCode::Checksum);
  EXPECT_THAT(followed.end.error().message, HasSubstr("job 7 attempt 2"));
}

TEST(Logs, CannotBeCheckedFromTheMiddle) {
  Log log;
  const Followed followed = follow(log, {.job = 7, .offset = 3});
  ASSERT_TRUE(followed.end.ok());
  EXPECT_EQ(followed.text, log.text.substr(3));
}

TEST(Logs, EndWhenTheReaderHasEnough) {
  Log log;
  const Followed followed = follow(log, {.job = 7}, 5);
  ASSERT_TRUE(followed.end.ok());
  EXPECT_EQ(followed.text, "hello,");
  EXPECT_EQ(followed.end->bytes, 6u);
}

// As after a restart of the server, before the worker is back.
TEST(Logs, WaitForAWorkerThatIsNotConnectedJustNow) {
  int asked = 0;
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::ReadLog>(request)) return std::nullopt;
    if (++asked <= 2) return wire::Refused{.code = wire::Refusal::Busy, .message = "not now"};
    return wire::LogChunk{.complete = true, .attempt = 1};
  });
  Options options;
  options.endpoints = {server.endpoint()};
  const auto client = BlockingClient::create(std::move(options));
  const auto end = (*client)->follow_log({.job = 7}, [](const LogChunk&) { return true; });
  ASSERT_TRUE(end.ok()) << end.error().message;
  EXPECT_EQ(asked, 3);
}

TEST(Logs, EndWithTheClientAlsoWhileTheyPause) {
  std::promise<void> asked;
  std::atomic<bool> first{true};
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::ReadLog>(request)) return std::nullopt;
    if (first.exchange(false)) asked.set_value();
    return wire::Refused{.code = wire::Refusal::Busy, .message = "not now"};
  });
  Options options;
  options.endpoints = {server.endpoint()};
  auto client = std::move(BlockingClient::create(std::move(options))).value();
  std::promise<Result<LogEnd>> end;
  client->async().follow_log(
      {.job = 7},
      [](const LogChunk&) { return true; },
      [&](Result<LogEnd> result) { end.set_value(std::move(result)); });
  asked.get_future().wait();
  client.reset();
  EXPECT_EQ(end.get_future().get().error().code, ErrorCode::Stopped);
}

TEST(Logs, ThatNobodyHasAreARefusal) {
  ScriptedServer server([](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::ReadLog>(request)) return std::nullopt;
    return wire::Refused{.code = wire::Refusal::NotFound, .message = "worker w is gone"};
  });
  Options options;
  options.endpoints = {server.endpoint()};
  const auto client = BlockingClient::create(std::move(options));
  const auto end = (*client)->follow_log({.job = 7}, [](const LogChunk&) { return true; });
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().message, "worker w is gone");
}

}  // namespace
}  // namespace berth::client
