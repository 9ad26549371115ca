#include "core/jobs/job_table.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/jobs/seeds.h"

namespace berth::core {
namespace {

using wire::JobId;

/// The ranges of all records, as `first+count` words: the table seen by walking it.
std::string walk(JobTable& table) {
  std::string words;
  for (Job* job = table.at_or_after({0}); job != nullptr;) {
    words += std::to_string(job->id.value) + "+" + std::to_string(job->count) + " ";
    job = table.at_or_after({job->id.value + job->count});
  }
  return words;
}

SpecRef spec_of(std::string_view text) {
  return SpecRef(std::as_bytes(std::span(text)));
}

TEST(JobTable, TakingAnElementOutOfARestLeavesTheOthers) {
  const struct {
    const char* name;
    uint32_t count;
    uint64_t taken;
    const char* left;
    uint64_t rest_begins;
  } cases[] = {
      {"the first", 5, 10, "10+1 11+4 ", 11},
      {"the last", 5, 14, "10+4 14+1 ", 10},
      {"one in between", 5, 12, "10+2 12+1 13+2 ", 10},
      {"the second: one is left before it", 5, 11, "10+1 11+1 12+3 ", 10},
      {"the first of two", 2, 10, "10+1 11+1 ", 11},
      {"the last of two", 2, 11, "10+1 11+1 ", 10},
      {"the only one", 1, 10, "10+1 ", 10},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    JobTable table;
    Job& rest = table.add({10}, each.count);
    rest.array = {10};
    rest.array_index = 100;
    Job& element = table.take_out(rest, {each.taken});
    EXPECT_EQ(walk(table), each.left);
    EXPECT_EQ(rest.id, JobId{each.rest_begins});
    EXPECT_EQ(rest.array_index, 100 + each.rest_begins - 10);
    EXPECT_EQ(element.id, JobId{each.taken});
    EXPECT_EQ(element.count, 1u);
    EXPECT_EQ(element.array_index, 100 + each.taken - 10);
    EXPECT_EQ(table.elements(), each.count);
  }
}

TEST(JobTable, AnElementHasWhatTheArrayHasButNotItsPlaceInTheQueue) {
  JobTable table;
  Job& rest = table.add({7}, 3);
  rest.array = {7};
  rest.spec = spec_of("12345678");
  rest.state = wire::JobState::Retrying;
  rest.unsatisfiable = true;
  rest.queued = true;
  rest.unmet = 4;
  rest.priority = -5;
  rest.like = 6;
  rest.deadline_at_ms = 77;
  rest.submitted_at_ms = 88;
  rest.ready_at = Instant{99};
  for (Job* job : {&table.split(rest, {9}), &table.take_out(rest, {7})}) {
    EXPECT_EQ(job->array, JobId{7});
    EXPECT_EQ(job->spec.bytes().data(), rest.spec.bytes().data()) << "shared, not copied";
    EXPECT_EQ(job->state, wire::JobState::Retrying);
    EXPECT_TRUE(job->unsatisfiable);
    EXPECT_FALSE(job->queued);
    EXPECT_EQ(job->unmet, 4);
    EXPECT_EQ(job->priority, -5);
    EXPECT_EQ(job->like, 6u);
    EXPECT_EQ(job->deadline_at_ms, 77);
    EXPECT_EQ(job->submitted_at_ms, 88);
    EXPECT_EQ(job->ready_at, Instant{99});
    EXPECT_EQ(job->run, nullptr);
  }
}

TEST(JobTable, FindsWhatIsThereAndTheNearestOnEitherSide) {
  JobTable table;
  table.add({5}, 1);
  table.add({10}, 4);
  table.add({14}, 1);
  table.add({1'000'000'000'000}, 1);
  const struct {
    uint64_t id;
    uint64_t found;  // 0: none
    uint64_t after;
    uint64_t before;
  } cases[] = {
      {0, 0, 5, 0},
      {4, 0, 5, 0},
      {5, 5, 5, 5},
      {6, 0, 10, 5},
      {10, 10, 10, 10},
      {12, 10, 10, 10},
      {13, 10, 10, 10},
      {14, 14, 14, 14},
      {15, 0, 1'000'000'000'000, 14},
      {UINT64_MAX, 0, 0, 1'000'000'000'000},
  };
  auto id_of = [](const Job* job) {
    return job == nullptr ? 0 : job->id.value;
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.id);
    EXPECT_EQ(id_of(table.find({each.id})), each.found);
    EXPECT_EQ(id_of(table.at_or_after({each.id})), each.after);
    EXPECT_EQ(id_of(table.at_or_before({each.id})), each.before);
  }
  JobTable empty;
  EXPECT_EQ(empty.at_or_after({1}), nullptr);
  EXPECT_EQ(empty.at_or_before({1}), nullptr);
}

TEST(JobTable, DropsTheWholeRecordAndWhatItOwns) {
  JobTable table;
  SpecRef spec = spec_of("12345678");
  Job& rest = table.add({10}, 5);
  rest.spec = spec;
  Job& single = table.add({20}, 1);
  single.run = std::make_unique<core::Run>();
  single.run->attempts.emplace_back();
  table.drop({12});
  table.drop({20});
  table.drop({20});  // a second time does nothing
  EXPECT_EQ(table.records(), 0u);
  EXPECT_EQ(table.elements(), 0u);
  EXPECT_EQ(table.find({10}), nullptr);
  EXPECT_EQ(table.add({30}, 1).run, nullptr) << "room that is used again is as new";
}

/// One record for each element, and the first id of the record it is in.
class Model {
 public:
  explicit Model(uint64_t seed) : rng_(seed) {}

  void step() {
    switch (rng_.below(6)) {
      case 0: return add();
      case 1:
      case 2: return take_out();
      case 3: return split();
      case 4: return drop();
      default: return look();
    }
  }

  void check_all() {
    std::string words;
    for (const auto& [first, count] : records_)
      words += std::to_string(first) + "+" + std::to_string(count) + " ";
    ASSERT_EQ(walk(table_), words);
    ASSERT_EQ(table_.records(), records_.size());
  }

 private:
  void add() {
    static constexpr uint32_t kCounts[] = {1, 1, 2, 3, 10, 200};
    const uint32_t count = kCounts[rng_.below(std::size(kCounts))];
    next_id_ += rng_.below(8) == 0 ? rng_.below(500) : 0;  // of jobs that are gone already
    Job& job = table_.add({next_id_}, count);
    job.array_index = static_cast<uint32_t>(next_id_ & 0xFFFF);
    records_[next_id_] = count;
    elements_ += count;
    next_id_ += count;
  }

  /// Any id that was given so far, most of them there.
  uint64_t some_id() { return rng_.below(next_id_ + 3); }

  std::map<uint64_t, uint32_t>::iterator record_of(uint64_t id) {
    auto next = records_.upper_bound(id);
    if (next == records_.begin()) return records_.end();
    --next;
    return id < next->first + next->second ? next : records_.end();
  }

  void take_out() {
    const uint64_t id = some_id();
    auto found = record_of(id);
    Job* rest = table_.find({id});
    ASSERT_EQ(rest != nullptr, found != records_.end()) << id;
    if (rest == nullptr) return;
    const auto [first, count] = *found;
    Job& element = table_.take_out(*rest, {id});
    records_.erase(found);
    if (id > first) records_[first] = static_cast<uint32_t>(id - first);
    records_[id] = 1;
    const auto behind = static_cast<uint32_t>(first + count - 1 - id);
    if (behind > 0) records_[id + 1] = behind;
    ASSERT_EQ(&element, table_.find({id}));
    // The record that was there stays where it was, with what is left before or behind.
    const uint64_t kept = count == 1 ? id : id > first ? first : id + 1;
    ASSERT_EQ(rest, table_.find({kept}));
  }

  void split() {
    const uint64_t at = some_id();
    auto found = record_of(at);
    if (found == records_.end() || found->first == at) return;
    const uint32_t behind = static_cast<uint32_t>(found->first + found->second - at);
    Job& tail = table_.split(*table_.find({at}), {at});
    found->second -= behind;
    records_[at] = behind;
    ASSERT_EQ(&tail, table_.find({at}));
  }

  void drop() {
    const uint64_t id = some_id();
    auto found = record_of(id);
    table_.drop({id});
    if (found == records_.end()) return;
    elements_ -= found->second;
    records_.erase(found);
  }

  void look() {
    const uint64_t id = some_id();
    auto next = records_.upper_bound(id);
    auto last = next == records_.begin() ? records_.end() : std::prev(next);
    auto inside = record_of(id);
    auto after = inside != records_.end() ? inside : next;
    ASSERT_EQ(id_of(table_.find({id})), inside == records_.end() ? 0 : inside->first) << id;
    ASSERT_EQ(id_of(table_.at_or_after({id})), after == records_.end() ? 0 : after->first) << id;
    ASSERT_EQ(id_of(table_.at_or_before({id})), last == records_.end() ? 0 : last->first) << id;
    ASSERT_EQ(table_.elements(), elements_);
  }

  static uint64_t id_of(const Job* job) { return job == nullptr ? 0 : job->id.value; }

  Rng rng_;
  JobTable table_;
  std::map<uint64_t, uint32_t> records_;
  uint64_t elements_ = 0;
  uint64_t next_id_ = 1;
};

TEST(JobTable, IsTheSameAsAListOfRangesThroughAnyHistory) {
  for_each_seed(50, [](uint64_t seed) {
    Model model(seed);
    for (int i = 0; i < 1'000 && !testing::Test::HasFailure(); ++i) {
      model.step();
      if (i % 50 == 0) model.check_all();
    }
  });
}

}  // namespace
}  // namespace berth::core
