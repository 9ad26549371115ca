#include "net/api/ledger_probe.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

using core::Duration;
using core::Instant;
using Lines = std::vector<std::string>;

/// A ledger that answers when it is told to.
class SlowLedger final : public Asker {
 public:
  void ask(Peer& peer, wire::RequestId id, const wire::Request&) override {
    last_peer = &peer;
    last_id = id;
    ++asked;
  }
  void open(Peer& peer) override { peer.id = {7}; }
  void close(Peer&) override {}

  void answer(wire::Refusal refusal) { last_peer->on_reply(last_id, wire::Refused{refusal, ""}); }

  Peer* last_peer = nullptr;
  wire::RequestId last_id;
  int asked = 0;
};

class LedgerProbeTest : public testing::Test {
 protected:
  static Instant at_ms(int64_t ms) { return Instant{} + Duration::milliseconds(ms); }

  void ask(const char* who, int64_t ms) {
    probe.ask(who, at_ms(ms), [this, who](LedgerProbe::Finding finding) {
      constexpr const char* kWords[] = {"answers", "busy", "silent"};
      told.push_back(std::string(who) + " " + kWords[static_cast<size_t>(finding)]);
    });
  }
  Lines take() { return std::exchange(told, {}); }

  SlowLedger ledger;
  LedgerProbe probe{ledger};
  Lines told;
};

TEST_F(LedgerProbeTest, OneQuestionAnswersAllWhoWait) {
  ask("a", 0);
  ask("b", 10);
  EXPECT_EQ(ledger.asked, 1);
  EXPECT_EQ(take(), Lines{});
  ledger.answer(wire::Refusal::NotFound);
  EXPECT_EQ(take(), (Lines{"a answers", "b answers"}));
  ask("c", 20);
  ledger.answer(wire::Refusal::Busy);
  EXPECT_EQ(take(), Lines{"c busy"});
  EXPECT_EQ(ledger.asked, 2);
}

TEST_F(LedgerProbeTest, ALedgerThatHangsDoesNotLetTheQuestionHang) {
  ask("a", 0);
  ask("b", 500);
  probe.on_tick(at_ms(799));
  EXPECT_EQ(take(), Lines{});
  probe.on_tick(at_ms(800));
  EXPECT_EQ(take(), Lines{"a silent"});
  ask("c", 900);
  EXPECT_EQ(take(), Lines{"c silent"}) << "it has owed an answer for long enough";
  probe.on_tick(at_ms(1'300));
  EXPECT_EQ(take(), Lines{"b silent"});
  EXPECT_EQ(ledger.asked, 1) << "questions must not pile up";
  ledger.answer(wire::Refusal::NotFound);
  EXPECT_EQ(take(), Lines{});
  ask("d", 2'000);
  ledger.answer(wire::Refusal::NotFound);
  EXPECT_EQ(take(), Lines{"d answers"});
}

TEST_F(LedgerProbeTest, WhoeverHasGoneIsNotTold) {
  const char* gone = "gone";
  ask(gone, 0);
  ask("a", 0);
  probe.forget(gone);
  ledger.answer(wire::Refusal::NotFound);
  EXPECT_EQ(take(), Lines{"a answers"});
}

}  // namespace
}  // namespace berth::net
