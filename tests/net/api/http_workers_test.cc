#include "net/api/http_workers.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/api/kept_output.h"

namespace berth::net {
namespace {

using wire::AssignmentId;

/// A service that does nothing until it is told what to answer.
class FakeAsker final : public Asker {
 public:
  void ask(Peer& peer, wire::RequestId id, const wire::Request& request) override {
    last_peer = &peer;
    last_id = id;
    if (const auto* attach = std::get_if<wire::AttachWorker>(&request)) {
      said.push_back(
          "attach " + std::string(attach->worker) + " nonce " + std::to_string(attach->nonce) +
          " with " + std::to_string(attach->running.size()));
    } else if (const auto* list = std::get_if<wire::ListJobs>(&request)) {
      said.push_back("list " + std::string(list->worker));
    } else if (std::get_if<wire::NextJobs>(&request) != nullptr) {
      said.push_back("next");
    } else if (const auto* piece = std::get_if<wire::LogPiece>(&request)) {
      const auto* bytes = reinterpret_cast<const char*>(piece->chunk.data.data());
      said.push_back("piece " + std::string(bytes, piece->chunk.data.size()));
    }
  }
  void open(Peer& peer) override { peer.id = {++opened}; }
  void close(Peer&) override { ++closed; }

  void answer(const wire::Reply& reply) { last_peer->on_reply(last_id, reply); }
  std::vector<std::string> take() { return std::exchange(said, {}); }

  Peer* last_peer = nullptr;
  wire::RequestId last_id;
  std::vector<std::string> said;
  uint64_t opened = 0;
  int closed = 0;
};

class HttpWorkersTest : public testing::Test {
 protected:
  using Lines = std::vector<std::string>;

  void join(HttpWorkers::Terms terms = {}) {
    workers.join("w1", terms, [this](const wire::Reply& reply) {
      joined.push_back(std::holds_alternative<wire::Attached>(reply) ? "attached" : "refused");
    });
  }
  /// Through the list of what it holds, and the attach.
  void attach() {
    join();
    asker.answer(wire::JobPage{});
    asker.answer(wire::Attached{});
    asker.take();
    joined.clear();
  }

  FakeAsker asker;
  HttpWorkers workers{asker};
  Lines joined;
};

TEST_F(HttpWorkersTest, AttachesWithAllThatTheLedgerSaysItHolds) {
  join();
  EXPECT_EQ(asker.take(), Lines{"list w1"});
  wire::JobRow rows[2];
  asker.answer(wire::JobPage{rows, 7});
  EXPECT_EQ(asker.take(), Lines{"list w1"}) << "there is another page";
  asker.answer(wire::JobPage{std::span(rows).first(1), 0});
  EXPECT_EQ(asker.take(), Lines{"attach w1 nonce 0 with 3"});
  EXPECT_TRUE(joined.empty());
  asker.answer(wire::Attached{});
  EXPECT_EQ(joined, Lines{"attached"});
}

TEST_F(HttpWorkersTest, AttachesOnceHoweverManyAsk) {
  join();
  join();
  asker.answer(wire::JobPage{});
  asker.answer(wire::Attached{});
  EXPECT_EQ(asker.take().size(), 2u);
  join();
  EXPECT_TRUE(asker.take().empty());
  EXPECT_EQ(joined, (Lines{"attached", "attached", "attached"}));
  EXPECT_EQ(workers.sessions(), 1u);
}

TEST_F(HttpWorkersTest, AttachesAgainWhenItsTermsChangeOrItSaysWhatItHolds) {
  attach();
  join({.nonce = 5});
  asker.answer(wire::JobPage{});
  EXPECT_EQ(asker.take(), (Lines{"list w1", "attach w1 nonce 5 with 0"}));
  asker.answer(wire::Attached{});
  const AssignmentId held[] = {{{1}, 2, 1}};
  join({.running = held});
  EXPECT_EQ(asker.take(), Lines{"attach w1 nonce 5 with 1"}) << "the nonce was forgotten";
}

// Somebody with another nonce took the session away from the one whose it is.
TEST_F(HttpWorkersTest, WhoIsRefusedChangesNothing) {
  attach();
  join({.nonce = 9});
  asker.answer(wire::JobPage{});
  asker.answer(wire::Refused{wire::Refusal::Conflict, "another worker has this id"});
  EXPECT_EQ(joined, Lines{"refused"});
  asker.take();
  join();
  EXPECT_TRUE(asker.take().empty());
  EXPECT_EQ(joined.back(), "attached");
}

TEST_F(HttpWorkersTest, AttachesAgainAfterSomebodyElseTookItsId) {
  attach();
  bool refused = false;
  workers.ask("w1", wire::NextJobs{"w1"}, [&](const wire::Reply& reply) {
    refused = std::holds_alternative<wire::Refused>(reply);
  });
  asker.answer(wire::Refused{wire::Refusal::NotFound, "no such worker pulls here"});
  EXPECT_TRUE(refused);
  asker.take();
  join();
  EXPECT_EQ(asker.take(), Lines{"list w1"});
}

TEST_F(HttpWorkersTest, KeepsWhatIsToBeStoppedUntilItIsTold) {
  attach();
  const wire::StopTask stop{{{3}, 8, 1}, "not needed"};
  asker.last_peer->on_reply({0}, wire::StopTasks{{&stop, 1}});
  EXPECT_EQ(workers.stops("w1").size(), 1u);
  EXPECT_EQ(workers.take_stops("w1").size(), 1u);
  EXPECT_TRUE(workers.take_stops("w1").empty());
  EXPECT_TRUE(workers.stops("nobody").empty());
}

TEST_F(HttpWorkersTest, AnswersForTheOutputThatItWasSent) {
  attach();
  workers.keep_output({{3}, 8, 1}, "hello", "oh");
  wire::WantLog want;
  want.assignment = {{3}, 8, 1};
  want.stream = wire::OutputStream::Stderr;
  asker.last_peer->on_reply({0}, want);
  EXPECT_EQ(asker.take(), Lines{"piece oh"});
}

TEST_F(HttpWorkersTest, AskingWithoutASessionIsRefused) {
  bool refused = false;
  workers.ask("w9", wire::NextJobs{"w9"}, [&](const wire::Reply& reply) {
    refused = std::holds_alternative<wire::Refused>(reply);
  });
  EXPECT_TRUE(refused);
}

TEST(KeptOutput, GivesPiecesAndForgetsTheOldest) {
  KeptOutput output(1'000, 100);
  const std::string longer(150, 'x');
  output.keep({{1}, 1, 1}, longer, "");
  wire::WantLog want;
  want.assignment = {{1}, 1, 1};
  want.offset = 90;
  wire::LogPiece piece = output.piece_of(want);
  EXPECT_EQ(piece.chunk.data.size(), 10u);
  EXPECT_EQ(piece.chunk.size, 100u);
  EXPECT_TRUE(piece.chunk.complete);
  EXPECT_TRUE(piece.chunk.truncated);
  want.bytes_max = 4;
  EXPECT_FALSE(output.piece_of(want).chunk.complete);
  for (uint64_t epoch = 2; epoch < 20; ++epoch)
    output.keep({{epoch}, epoch, 1}, longer, "");
  EXPECT_EQ(output.piece_of(want).refusal, wire::Refusal::NotFound);
}

}  // namespace
}  // namespace berth::net
