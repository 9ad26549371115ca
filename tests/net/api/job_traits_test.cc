#include "net/api/job_traits.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

using Verdict = TraitBook::Verdict;

TEST(JobTraits, AreThoseThatJobsAreListedBy) {
  const wire::Label labels[] = {{"team", "web"}, {"size", "s"}};
  wire::JobRow job;
  job.name = "report-7";
  job.queue = "night";
  job.tenant = "acme";
  job.labels = labels;
  const struct {
    const char* name;
    JobTraits traits;
    bool has;
  } cases[] = {
      {"nothing is asked for", {}, true},
      {"its queue", {.queue = "night"}, true},
      {"how its queue begins", {.queue = "nig"}, false},
      {"its tenant", {.tenant = "acme"}, true},
      {"another tenant", {.tenant = "acme2"}, false},
      {"how its name begins", {.name = "report-"}, true},
      {"how its name ends", {.name = "7"}, false},
      {"a label", {.label_key = "size", .label_value = "s"}, true},
      {"a label of another value", {.label_key = "size", .label_value = "web"}, false},
      {"all of it", {"night", "acme", "report-7", "team", "web"}, true},
      {"all but one", {"day", "acme", "report-7", "team", "web"}, false},
  };
  for (const auto& one : cases)
    EXPECT_EQ(one.traits.are_of(job), one.has) << one.name;
}

/// A ledger that answers when it is told to.
class SlowLedger final : public Asker {
 public:
  void ask(Peer& peer, wire::RequestId id, const wire::Request& request) override {
    last_peer = &peer;
    asked.emplace_back(id, std::get<wire::ShowJob>(request).job.value);
  }
  void open(Peer& peer) override { peer.id = {7}; }
  void close(Peer&) override {}

  /// The oldest question: a job in this queue.
  void answer(std::string_view queue) {
    wire::JobDetails details;
    details.row.queue = queue;
    reply(details);
  }
  void reply(const wire::Reply& reply) {
    const wire::RequestId id = asked.front().first;
    asked.erase(asked.begin());
    last_peer->on_reply(id, reply);
  }

  Peer* last_peer = nullptr;
  std::vector<std::pair<wire::RequestId, uint64_t>> asked;
};

class TraitBookTest : public testing::Test {
 protected:
  SlowLedger ledger;
  int learnt = 0;
  TraitBook book{ledger, [this] {
                   ++learnt;
                 }};
};

TEST_F(TraitBookTest, AsksOnceForAJobWhoeverWantsToKnow) {
  const auto night = book.open({.queue = "night"});
  const auto day = book.open({.queue = "day"});
  EXPECT_EQ(book.open({.queue = "day"}), day) << "what is the same is one filter";
  EXPECT_EQ(book.of(5, *night), Verdict::Unknown);
  book.learn(5);
  book.learn(5);
  ASSERT_EQ(ledger.asked.size(), 1u);
  ledger.answer("night");
  EXPECT_EQ(learnt, 1);
  EXPECT_EQ(book.of(5, *night), Verdict::Has);
  EXPECT_EQ(book.of(5, *day), Verdict::HasNot);
  book.learn(5);
  EXPECT_TRUE(ledger.asked.empty());
}

TEST_F(TraitBookTest, AJobThatIsGoneHasNoTraitsAndABusyLedgerIsAskedAgain) {
  const auto night = book.open({.queue = "night"});
  book.learn(5);
  ledger.reply(wire::Refused{wire::Refusal::Busy, ""});
  EXPECT_EQ(book.of(5, *night), Verdict::Unknown);
  EXPECT_EQ(learnt, 1) << "so that it is asked again";
  book.learn(5);
  ledger.reply(wire::Refused{wire::Refusal::NotFound, ""});
  EXPECT_EQ(book.of(5, *night), Verdict::HasNot);
}

// The bit of a filter that has gone is given to another: what was known of it says nothing now.
TEST_F(TraitBookTest, ANewFilterKnowsNothingOfTheOneBefore) {
  auto first = book.open({.queue = "night"});
  book.learn(5);
  ledger.answer("night");
  first.reset();
  const auto second = book.open({.queue = "day"});
  EXPECT_EQ(book.of(5, *second), Verdict::Unknown);
}

TEST_F(TraitBookTest, HasItsLimits) {
  std::vector<std::shared_ptr<const TraitBook::Filter>> held;
  for (size_t i = 0; i < TraitBook::kFiltersMax; ++i)
    held.push_back(book.open({.queue = std::to_string(i)}));
  EXPECT_NE(held.back(), nullptr);
  EXPECT_EQ(book.open({.queue = "one more"}), nullptr);
  EXPECT_NE(book.open({.queue = "0"}), nullptr);
  held.pop_back();
  EXPECT_NE(book.open({.queue = "one more"}), nullptr);
  for (uint64_t job = 1; job <= TraitBook::kAskedMax + 1; ++job)
    book.learn(job);
  EXPECT_EQ(ledger.asked.size(), TraitBook::kAskedMax);
}

}  // namespace
}  // namespace berth::net
