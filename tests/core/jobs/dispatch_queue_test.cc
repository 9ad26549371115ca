#include "core/jobs/dispatch_queue.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/jobs/seeds.h"

namespace berth::core {
namespace {

/// The ids in the order in which they would run; what blocks is as it was before.
std::string order(DispatchQueue& queue) {
  std::string words;
  while (auto next = queue.next()) {
    words += std::to_string(next->second.id.value) + " ";
    queue.remove(next->first, next->second);
  }
  return words;
}

uint64_t next_id(const DispatchQueue& queue) {
  auto next = queue.next();
  return next ? next->second.id.value : 0;
}

TEST(DispatchQueue, OrdersByPriorityThenDeadlineThenAge) {
  const struct {
    const char* name;
    JobTurn first;
    JobTurn second;
  } cases[] = {
      {"higher priority", {5, 0, {9}}, {4, 1, {1}}},
      {"negative priority is below none", {0, 0, {9}}, {-1, 0, {1}}},
      {"the lowest and the highest", {INT32_MAX, 0, {9}}, {INT32_MIN, 0, {1}}},
      {"earlier deadline", {1, 100, {9}}, {1, 200, {1}}},
      {"a deadline before none", {1, INT64_MAX, {9}}, {1, 0, {1}}},
      {"older", {1, 100, {1}}, {1, 100, {2}}},
      {"older, without deadline", {1, 0, {1}}, {1, 0, {2}}},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    EXPECT_TRUE(each.first < each.second);
    EXPECT_FALSE(each.second < each.first);
    EXPECT_FALSE(each.first < each.first);
    for (bool same_class : {true, false}) {
      DispatchQueue queue;
      queue.add(queue.class_of("a"), each.second);
      queue.add(queue.class_of(same_class ? "a" : "b"), each.first);
      EXPECT_EQ(next_id(queue), each.first.id.value);
      EXPECT_EQ(queue.position(each.first, 10), 0u);
      EXPECT_EQ(queue.position(each.second, 10), 1u);
    }
  }
}

TEST(DispatchQueue, PassesOverABlockedClassUntilSomethingIsFreed) {
  DispatchQueue queue;
  const JobClass a = queue.class_of("a");
  const JobClass b = queue.class_of("b");
  queue.add(a, {9, 0, {1}});
  queue.add(a, {9, 0, {2}});
  queue.add(b, {0, 0, {3}});
  queue.block(a);
  EXPECT_EQ(next_id(queue), 3u);
  EXPECT_EQ(queue.blocked(), 2u);
  queue.block(a);  // again changes nothing
  EXPECT_EQ(queue.blocked(), 2u);
  queue.add(a, {10, 0, {4}});  // a better one of a class for which there is no room
  EXPECT_EQ(next_id(queue), 3u);
  EXPECT_EQ(queue.blocked(), 3u);
  queue.block(b);
  EXPECT_EQ(next_id(queue), 0u);
  EXPECT_EQ(queue.blocked(), 4u);
  queue.unblock_all();
  EXPECT_EQ(queue.blocked(), 0u);
  EXPECT_FALSE(queue.is_blocked(a));
  EXPECT_EQ(order(queue), "4 1 2 3 ");
}

TEST(DispatchQueue, ABlockedClassCanBeRemovedFrom) {
  DispatchQueue queue;
  const JobClass a = queue.class_of("a");
  queue.add(a, {0, 0, {1}});
  queue.add(a, {0, 0, {2}});
  queue.block(a);
  EXPECT_FALSE(queue.remove(a, {0, 0, {3}}));
  EXPECT_TRUE(queue.remove(a, {0, 0, {1}}));
  EXPECT_FALSE(queue.remove(a, {0, 0, {1}}));
  EXPECT_EQ(queue.blocked(), 1u);
  queue.unblock_all();
  EXPECT_EQ(order(queue), "2 ");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(DispatchQueue, AClassLivesWhileSomebodyIsInIt) {
  DispatchQueue queue;
  const JobClass a = queue.class_of("a");
  queue.add(a, {0, 0, {1}});
  EXPECT_EQ(queue.class_of("a"), a);
  EXPECT_EQ(queue.key_of(a), "a");
  queue.remove(a, {0, 0, {1}});
  queue.add(a, {0, 0, {2}});  // what is left of an array goes back at once
  const JobClass b = queue.class_of("b");
  EXPECT_NE(a, b);
  queue.add(b, {0, 0, {3}});
  queue.remove(a, {0, 0, {2}});
  EXPECT_EQ(queue.class_of("c"), a) << "the number of a class that is gone is used again";
  EXPECT_EQ(queue.key_of(a), "c");
  EXPECT_FALSE(queue.is_blocked(a));
}

TEST(DispatchQueue, SeveralClassesMayBeAskedForBeforeTheFirstIsAddedTo) {
  DispatchQueue queue;
  const JobClass a = queue.class_of("a");
  queue.add(a, {0, 0, {1}});
  queue.remove(a, {0, 0, {1}});
  EXPECT_EQ(queue.class_of("a"), a);
  const JobClass b = queue.class_of("b");
  const JobClass c = queue.class_of("c");
  EXPECT_TRUE(a != b && b != c && a != c);
  queue.add(c, {0, 0, {2}});
  queue.add(b, {0, 0, {3}});
  queue.add(a, {0, 0, {4}});
  EXPECT_EQ(order(queue), "2 3 4 ");
}

TEST(DispatchQueue, TellsHowManyStandBeforeUpToALimit) {
  DispatchQueue queue;
  for (uint64_t id = 1; id <= 100; ++id)
    queue.add(queue.class_of(std::to_string(id % 7)), {0, 0, {id}});
  queue.block(queue.class_of("3"));  // those wait too, and come first when there is room
  EXPECT_EQ(queue.position({0, 0, {1}}, 1'000), 0u);
  EXPECT_EQ(queue.position({0, 0, {61}}, 1'000), 60u);
  EXPECT_EQ(queue.position({0, 0, {61}}, 60), 60u);
  EXPECT_EQ(queue.position({0, 0, {61}}, 20), 20u);
  EXPECT_EQ(queue.position({-1, 0, {1}}, 1'000), 100u);
}

/// Every turn in one list, and the classes that are blocked as a set.
class Model {
 public:
  explicit Model(uint64_t seed) : rng_(seed), classes_(1 + rng_.below(12)) {}

  void step() {
    switch (rng_.below(11)) {
      case 10: return lessen();
      case 0:
      case 1:
      case 2: return add();
      case 3:
      case 4: return take_next();
      case 5: return remove_some();
      case 6:
      case 7: return block();
      case 8: return unblock();
      default: return look();
    }
  }

 private:
  struct Entry {
    JobTurn turn;
    std::string key;
    JobClass like;
    uint32_t jobs;
  };

  std::string some_key() { return "class " + std::to_string(rng_.below(classes_)); }

  void add() {
    static constexpr int64_t kDeadlines[] = {0, 0, 5, 7};
    const std::string key = some_key();
    const JobTurn turn{
        static_cast<int32_t>(rng_.below(3)) - 1, kDeadlines[rng_.below(4)], {++last_id_}};
    const JobClass like = queue_.class_of(key);
    ASSERT_EQ(queue_.key_of(like), key);
    const auto jobs = static_cast<uint32_t>(1 + rng_.below(3));
    queue_.add(like, turn, jobs);
    // A class that was empty may have been forgotten, with its being blocked.
    if (!has(key) && !queue_.is_blocked(like)) blocked_.erase(key);
    entries_.push_back({turn, key, like, jobs});
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.turn < b.turn;
    });
  }

  bool has(const std::string& key) const {
    return std::any_of(
        entries_.begin(), entries_.end(), [&](const Entry& one) { return one.key == key; });
  }

  std::vector<Entry>::iterator expected_next() {
    return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& one) {
      return !blocked_.contains(one.key);
    });
  }

  void take_next() {
    auto expected = expected_next();
    auto next = queue_.next();
    ASSERT_EQ(next.has_value(), expected != entries_.end());
    if (!next) return;
    ASSERT_EQ(next->second, expected->turn);
    ASSERT_EQ(next->first, expected->like);
    ASSERT_TRUE(queue_.remove(next->first, next->second, expected->jobs));
    entries_.erase(expected);
  }

  void remove_some() {
    if (entries_.empty()) return;
    auto one = entries_.begin() + static_cast<ptrdiff_t>(rng_.below(entries_.size()));
    ASSERT_TRUE(queue_.remove(one->like, one->turn, one->jobs));
    entries_.erase(one);
  }

  void lessen() {
    if (entries_.empty()) return;
    Entry& one = entries_[rng_.below(entries_.size())];
    if (one.jobs == 1) return;
    queue_.lessen(one.like, 1);
    --one.jobs;
  }

  void block() {
    auto next = queue_.next();
    if (!next) return;
    queue_.block(next->first);
    blocked_.insert(std::string(queue_.key_of(next->first)));
    ASSERT_TRUE(queue_.is_blocked(next->first));
  }

  void unblock() {
    queue_.unblock_all();
    blocked_.clear();
  }

  void look() {
    ASSERT_EQ(queue_.size(), entries_.size());
    size_t blocked = 0;
    size_t blocked_jobs = 0;
    for (const Entry& one : entries_) {
      ASSERT_EQ(queue_.class_of(one.key), one.like) << "while it lives, the same number";
      ASSERT_EQ(queue_.is_blocked(one.like), blocked_.contains(one.key));
      blocked += blocked_.contains(one.key) ? 1 : 0;
      blocked_jobs += blocked_.contains(one.key) ? one.jobs : 0;
    }
    ASSERT_EQ(queue_.blocked(), blocked);
    ASSERT_EQ(queue_.blocked_jobs(), blocked_jobs);
    if (entries_.empty()) return;
    const size_t at = rng_.below(entries_.size());
    const size_t limit = rng_.below(50);
    ASSERT_EQ(queue_.position(entries_[at].turn, limit), std::min(at, limit));
  }

  Rng rng_;
  uint64_t classes_;
  DispatchQueue queue_;
  std::vector<Entry> entries_;
  std::set<std::string> blocked_;
  uint64_t last_id_ = 0;
};

TEST(DispatchQueue, IsTheSameAsOneSortedListThroughAnyHistory) {
  for_each_seed(50, [](uint64_t seed) {
    Model model(seed);
    for (int i = 0; i < 2'000 && !testing::Test::HasFailure(); ++i)
      model.step();
  });
}

}  // namespace
}  // namespace berth::core
