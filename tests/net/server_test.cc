#include "net/server.h"

#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/support/running_server.h"

namespace berth::net {
namespace {

using core::Counter;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::byte> raw(std::initializer_list<uint32_t> words) {
  std::vector<std::byte> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.begin(), bytes.size());
  return bytes;
}

const wire::Refused* refusal_in(const std::optional<WirePeer::Answer>& answer) {
  return answer ? std::get_if<wire::Refused>(&answer->reply) : nullptr;
}

TEST(Server, GreetsAndAnswersInTheOrderOfOneConnection) {
  RunningServer running;
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  for (uint32_t i = 100; i < 1100; ++i)
    peer.send({i}, wire::Ping{i});
  for (uint32_t i = 100; i < 1100; ++i) {
    const std::optional<WirePeer::Answer> answer = peer.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id.value, i);
    EXPECT_EQ(std::get<wire::Pong>(answer->reply).payload, i);
  }
}

TEST(Server, ClosesWhateverDoesNotSayHelloAndSaysWhy) {
  wire::Encoder encoder;
  std::vector<std::byte> ping;
  encoder.encode({1}, wire::Ping{}, ping);
  std::vector<std::byte> old_version;
  encoder.encode({1}, wire::Hello{.version = 999}, old_version);
  std::vector<std::byte> wrong_token;
  encoder.encode({1}, wire::Hello{.token = "guess"}, wrong_token);
  struct Case {
    const char* what;
    std::vector<std::byte> bytes;
    wire::Refusal code;
  };
  const Case cases[] = {
      {"a ping first", ping, wire::Refusal::BadRequest},
      {"another version", old_version, wire::Refusal::Unsupported},
      {"a wrong token", wrong_token, wire::Refusal::Denied},
      {"4 GiB - 1", raw({0xFFFFFFFF, 1}), wire::Refusal::BadRequest},
      {"an empty frame", raw({0, 1}), wire::Refusal::BadRequest},
      {"a misaligned frame", raw({13, 1, 0, 0}), wire::Refusal::BadRequest},
      {"zeros for a message", raw({16, 1, 0, 0, 0, 0}), wire::Refusal::BadRequest},
  };
  ServerConfig config = RunningServer::quiet_config();
  config.token = "secret";
  RunningServer running(config);
  uint64_t closed = 0;
  for (const Case& c : cases) {
    WirePeer peer(running.server.wire_address());
    peer.send(c.bytes);
    const std::optional<WirePeer::Answer> answer = peer.receive();
    const wire::Refused* refused = refusal_in(answer);
    ASSERT_NE(refused, nullptr) << c.what;
    EXPECT_EQ(refused->code, c.code) << c.what;
    EXPECT_FALSE(peer.receive()) << c.what;
    EXPECT_EQ(running.count(Counter::ConnectionsClosedBadHello), ++closed) << c.what;
  }
  WirePeer good(running.server.wire_address());
  EXPECT_TRUE(good.greet("secret"));
}

TEST(Server, ABrokenFrameEndsAGreetedConnectionAlone) {
  RunningServer running;
  WirePeer bystander(running.server.wire_address());
  ASSERT_TRUE(bystander.greet());
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  peer.send(raw({16, 7, 0x7FFFFFF0, 0, 0, 0}));
  EXPECT_NE(refusal_in(peer.receive()), nullptr);
  EXPECT_FALSE(peer.receive());
  EXPECT_EQ(running.count(Counter::ConnectionsClosedBadFrame), 1u);
  EXPECT_EQ(std::get<wire::Pong>(bystander.ask(wire::Ping{5}).reply).payload, 5u);
}

TEST(Server, WhoAsksForMuchIsAnsweredInFullAndInTurnsWithOthers) {
  ServerConfig config = RunningServer::quiet_config();
  config.settings.shards = 1;
  RunningServer running(config);
  WirePeer greedy(running.server.wire_address());
  WirePeer modest(running.server.wire_address());
  ASSERT_TRUE(greedy.greet());
  ASSERT_TRUE(modest.greet());
  for (int i = 0; i < 1000; ++i)
    RunningServer::beat(greedy, "w" + std::to_string(i), {});
  wire::Place impossible;
  impossible.task = "t";
  impossible.demand.slots = 60'000;
  wire::Encoder encoder;
  std::vector<std::byte> requests;
  constexpr uint32_t kRequests = 5'000;
  for (uint32_t i = 0; i < kRequests; ++i)
    encoder.encode({i + 1}, impossible, requests);
  std::thread sender([&] { greedy.send(requests); });
  const std::optional<WirePeer::Answer> first = greedy.receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(std::get<wire::Pong>(modest.ask(wire::Ping{5}).reply).payload, 5u);
  EXPECT_LT(running.count(Counter::PlacementsRefused), kRequests / 2)
      << "the ping waited for requests that were sent before it by somebody else";
  for (uint32_t i = 1; i < kRequests; ++i) {
    const std::optional<WirePeer::Answer> answer = greedy.receive();
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->id.value, i + 1);
    ASSERT_TRUE(std::holds_alternative<wire::Unplaced>(answer->reply));
  }
  sender.join();
}

TEST(Server, AWatcherThatDoesNotReadIsCutOff) {
  ServerConfig config = RunningServer::quiet_config();
  config.settings.shards = 1;
  RunningServer running(config);
  WirePeer deaf(running.server.wire_address(), 4096);
  WirePeer actor(running.server.wire_address());
  ASSERT_TRUE(deaf.greet());
  ASSERT_TRUE(actor.greet());
  ASSERT_TRUE(std::holds_alternative<wire::Done>(deaf.ask(wire::Watch{true}).reply));
  RunningServer::beat(actor, "w", {});
  const std::string reason(core::kReasonBytesMax, 'r');
  for (int i = 0; i < 100'000 && running.count(Counter::ConnectionsClosedSlowReader) == 0; ++i) {
    const WirePeer::Answer answer =
        actor.ask(wire::SetWorker{"w", wire::WorkerAction::Drain, reason});
    ASSERT_TRUE(std::holds_alternative<wire::Done>(answer.reply));
  }
  EXPECT_EQ(running.count(Counter::ConnectionsClosedSlowReader), 1u);
}

TEST(Server, FramesInPiecesOfAnySizeArePutTogether) {
  RunningServer running;
  wire::Encoder encoder;
  std::vector<std::byte> bytes;
  encoder.encode({1}, wire::Hello{.identity = "x"}, bytes);
  // One frame that is longer than what is copied, and many short ones around it.
  const std::string worker(100'000, 'w');
  for (uint32_t i = 2; i < 20; ++i) {
    if (i == 10) {
      encoder.encode({i}, wire::ShowWorker{worker}, bytes);
    } else {
      encoder.encode({i}, wire::Ping{i}, bytes);
    }
  }
  for (const size_t piece : {1u, 7u, 8u, 1000u, 65'000u}) {
    WirePeer peer(running.server.wire_address());
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const size_t size = std::min(piece, bytes.size() - at);
      // Byte by byte only as long as that says something new.
      if (piece < 100 && at > 3000) {
        ASSERT_TRUE(peer.send(std::span(bytes).subspan(at)));
        break;
      }
      ASSERT_TRUE(peer.send(std::span(bytes).subspan(at, size)));
    }
    std::vector<uint32_t> answered;
    while (answered.size() < 19) {
      const std::optional<WirePeer::Answer> answer = peer.receive();
      ASSERT_TRUE(answer) << piece;
      answered.push_back(answer->id.value);
    }
    std::sort(answered.begin(), answered.end());
    for (uint32_t i = 0; i < 19; ++i)
      EXPECT_EQ(answered[i], i + 1) << piece;
  }
}

TEST(Server, APeerThatSaysNothingIsToldAndClosed) {
  ServerConfig config = RunningServer::quiet_config();
  config.handshake_timeout = core::Duration::milliseconds(100);
  RunningServer running(config);
  WirePeer silent(running.server.wire_address());
  WirePeer greeted(running.server.wire_address());
  ASSERT_TRUE(greeted.greet());
  EXPECT_NE(refusal_in(silent.receive()), nullptr);
  EXPECT_FALSE(silent.receive());
  EXPECT_EQ(running.count(Counter::ConnectionsClosedSlowHandshake), 1u);
  EXPECT_TRUE(std::holds_alternative<wire::Pong>(greeted.ask(wire::Ping{}).reply));
}

TEST(Server, ConnectionsOverTheLimitAreRefusedInWords) {
  ServerConfig config = RunningServer::quiet_config();
  config.connections_max = 3;
  RunningServer running(config);
  std::vector<std::unique_ptr<WirePeer>> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(std::make_unique<WirePeer>(running.server.wire_address()));
    ASSERT_TRUE(peers.back()->greet());
  }
  WirePeer fourth(running.server.wire_address());
  const std::optional<WirePeer::Answer> answer = fourth.receive();
  ASSERT_NE(refusal_in(answer), nullptr);
  EXPECT_EQ(refusal_in(answer)->code, wire::Refusal::LimitReached);
  EXPECT_EQ(running.count(Counter::ConnectionsRefused), 1u);
  peers.pop_back();
  EXPECT_TRUE(eventually([&] { return WirePeer(running.server.wire_address()).greet(); }));
}

TEST(Server, AReaderThatNeverReadsIsHeldBackAndOthersDoNotNotice) {
  RunningServer running;
  WirePeer bystander(running.server.wire_address());
  ASSERT_TRUE(bystander.greet());
  std::vector<std::string> tags;
  for (int i = 0; i < 60; ++i)
    tags.push_back("a-tag-with-a-long-name-" + std::to_string(i));
  const std::vector<std::string_view> views(tags.begin(), tags.end());
  for (int i = 0; i < 100; ++i)
    RunningServer::beat(bystander, "w" + std::to_string(i), views);

  WirePeer deaf(running.server.wire_address(), 4096);
  ASSERT_TRUE(deaf.greet());
  // Each asks for some 200 kB: all answers together would be 2 GB.
  for (uint32_t i = 0; i < 10'000; ++i)
    deaf.send({i + 10}, wire::ListWorkers{});
  refresh_gauges(running.server.tables().counters.gauges);
  EXPECT_EQ(std::get<wire::Pong>(bystander.ask(wire::Ping{9}).reply).payload, 9u);
  EXPECT_LT(running.server.tables().counters.gauges.resident_bytes.load(), 200u << 20);
  // It wakes up, and gets what it asked for.
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(deaf.receive());
}

TEST(Server, WorkersOfAnotherShardAreReachedFromAnyConnection) {
  ServerConfig config = RunningServer::quiet_config();
  config.settings.shards = 4;
  RunningServer running(config);
  const std::string_view tags[] = {"cpu"};
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  for (int i = 0; i < 32; ++i)
    RunningServer::beat(peer, "w" + std::to_string(i), tags);
  EXPECT_GT(running.count(Counter::Forwarded), 0u);
  for (int i = 0; i < 32; ++i) {
    const std::string worker = "w" + std::to_string(i);
    const WirePeer::Answer shown = peer.ask(wire::ShowWorker{worker});
    ASSERT_TRUE(std::holds_alternative<wire::WorkerPage>(shown.reply)) << worker;
    EXPECT_EQ(std::get<wire::WorkerPage>(shown.reply).rows[0].id, worker);
  }
  const WirePeer::Answer all = peer.ask(wire::ListWorkers{});
  EXPECT_EQ(std::get<wire::WorkerPage>(all.reply).total, 32u);
}

TEST(Server, HoweverManyRequestsForOtherShardsArePipelinedAllAreAnswered) {
  RunningServer running;
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  wire::Encoder encoder;
  std::vector<std::byte> bytes;
  constexpr uint32_t kRequests = 20'000;
  for (uint32_t i = 1; i <= kRequests; ++i) {
    const std::string worker = "w" + std::to_string(i);
    encoder.encode({i}, wire::ShowWorker{worker}, bytes);
  }
  std::thread writer([&] { peer.send(bytes); });
  for (uint32_t i = 0; i < kRequests; ++i)
    ASSERT_NE(refusal_in(peer.receive()), nullptr) << i;
  writer.join();
}

TEST(Server, EventsOfEveryShardReachAWatcherInOrderOfTheirShards) {
  RunningServer running;
  WirePeer watcher(running.server.wire_address());
  ASSERT_TRUE(watcher.greet());
  ASSERT_TRUE(std::holds_alternative<wire::Done>(watcher.ask(wire::Watch{}).reply));
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  for (int i = 0; i < 8; ++i)
    RunningServer::beat(peer, "w" + std::to_string(i), {});
  std::vector<std::string> seen;
  while (seen.size() < 8) {
    const std::optional<WirePeer::Answer> answer = watcher.receive();
    ASSERT_TRUE(answer);
    const auto& event = std::get<wire::WorkerEvent>(answer->reply);
    EXPECT_EQ(event.change, wire::WorkerChange::Registered);
    seen.emplace_back(event.worker);
  }
  std::sort(seen.begin(), seen.end());
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(seen[i], "w" + std::to_string(i));
}

TEST(Server, WhoWaitsIsPlacedWhenCapacityFrees) {
  RunningServer running;
  const std::string_view tags[] = {"gpu"};
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  RunningServer::beat(peer, "w", tags, 1);
  wire::Place place;
  place.requirements.all_tags = tags;
  place.task = "first";
  ASSERT_TRUE(std::holds_alternative<wire::Placed>(peer.ask(place).reply));
  place.task = "second";
  place.wait_ms = WirePeer::kPatienceS * 1000;
  peer.send({500}, place);
  ASSERT_TRUE(eventually([&] { return running.server.tables().waiting.load() == 1; }));
  const std::string_view first[] = {"first"};
  peer.send({501}, wire::Release{.tasks = first});
  bool placed = false;
  for (int i = 0; i < 2; ++i) {
    const std::optional<WirePeer::Answer> answer = peer.receive();
    ASSERT_TRUE(answer);
    placed = placed || std::holds_alternative<wire::Placed>(answer->reply);
  }
  EXPECT_TRUE(placed);
}

TEST(Server, AHalfClosedPeerIsStillAnswered) {
  RunningServer running;
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  for (uint32_t i = 10; i < 20; ++i)
    peer.send({i}, wire::ShowWorker{"w" + std::to_string(i)});
  peer.end_sending();
  for (int i = 10; i < 20; ++i)
    EXPECT_NE(refusal_in(peer.receive()), nullptr) << i;
  EXPECT_FALSE(peer.receive());
}

TEST(Server, StoppingAnswersWhoWaitsAndEndsEverything) {
  RunningServer running;
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  wire::Place place;
  place.task = "t";
  place.wait_ms = 3'600'000;
  peer.send({7}, place);
  ASSERT_TRUE(eventually([&] { return running.server.tables().waiting.load() == 1; }));
  WirePeer console(running.server.console_address());
  running.server.stop();
  const std::optional<WirePeer::Answer> answer = peer.receive();
  ASSERT_NE(refusal_in(answer), nullptr);
  EXPECT_EQ(answer->id.value, 7u);
  EXPECT_EQ(refusal_in(answer)->code, wire::Refusal::ShuttingDown);
  EXPECT_FALSE(peer.receive());
  EXPECT_EQ(console.read_all(), "");
}

TEST(Server, APortInUseIsNamedAndNothingStarts) {
  RunningServer running;
  for (const uint16_t shards : {1, 2}) {
    ServerConfig config = RunningServer::quiet_config();
    config.settings.shards = shards;
    std::string problem;
    ASSERT_TRUE(parse_host_port(running.server.wire_address(), 0, config.listen, problem));
    Server second(config);
    EXPECT_FALSE(second.start(problem)) << shards;
    EXPECT_THAT(problem, HasSubstr(running.server.wire_address() + " is in use"));
  }
}

TEST(Server, TheConsoleTellsTheStoryOfAWorker) {
  RunningServer running;
  const std::string_view tags[] = {"cpu", "ssd"};
  WirePeer peer(running.server.wire_address());
  ASSERT_TRUE(peer.greet());
  RunningServer::beat(peer, "w1", tags);
  const std::string said = running.console(
      "ping\r\n\n# a comment\ntags\ndrain w1 new disk\nundrain nobody\nplace tags=cpu\n"
      "undrain w1\nplace task=t tags=cpu\nplace task=t tags=cpu,fpga\nversion");
  EXPECT_EQ(
      std::regex_replace(said, std::regex("reservation=[0-9]+"), "reservation=N"),
      "OK pong\n"
      "OK tags=2\ncpu 1\nssd 1\n.\n"
      "OK\n"
      "ERR not_found no such worker\n"
      "ERR eliminated no worker fits; of 1 workers eliminated: draining 1\n"
      "OK\n"
      "OK worker=w1 address=127.0.0.1:9 reservation=N expires_in=10s load=0.25\n"
      "OK worker=w1 address=127.0.0.1:9 reservation=N expires_in=10s load=0.25 repeated=yes\n"
      "OK " +
          std::string(kServerSoftware) + "\n");
}

TEST(Server, TheConsoleKeepsOrderWhateverIsPasted) {
  RunningServer running;
  std::string pasted;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    // Some are answered here, some by another shard.
    pasted += i % 3 == 0 ? "worker w" + std::to_string(i) + "\n" : "ping\n";
    expected += i % 3 == 0 ? "ERR not_found no such worker\n" : "OK pong\n";
  }
  EXPECT_EQ(running.console(pasted), expected);
  EXPECT_EQ(running.console("quit\nping\n"), "OK bye\n");
  // What a browser posts ends with its first line.
  const std::string posted = running.console("POST / HTTP/1.1\r\nHost: x\r\n\r\nping\r\n");
  EXPECT_THAT(posted, StartsWith("ERR bad_request"));
  EXPECT_THAT(posted, testing::Not(HasSubstr("pong")));
  EXPECT_EQ(
      running.console(std::string(20'000, 'x') + "\nping\n"),
      "ERR bad_request the line is longer than 4096 bytes\nOK pong\n");
  EXPECT_THAT(running.console("place wait=100ms\n"), StartsWith("ERR timed_out"));
}

}  // namespace
}  // namespace berth::net
