#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/store/sqlite_store.h"
#include "tests/core/jobs/store_model.h"
#include "tests/net/store/store_folder.h"
#include "tests/net/store/story.h"

// Random groups, as a ledger makes them, into the real store and into the model of the contract;
// both have to give back the same.
namespace berth::net {
namespace {

using wire::JobId;
using wire::JobState;

class Groups {
 public:
  explicit Groups(uint32_t seed) : random_(seed) {}

  core::StoreBatch next() {
    core::StoreBatch batch;
    batch.sequence = ++sequence_;
    for (size_t i = below(4); i > 0; --i)
      submit(batch);
    // A rest shrinks once in a group, as the contract has it.
    for (const uint64_t first : first_ids())
      if (below(2) == 0) take_some(batch, first);
    for (size_t i = below(6); i > 0 && !jobs_.empty(); --i)
      change(batch, any());
    for (size_t i = below(3); i > 0 && jobs_.size() > 5; --i)
      drop(batch);
    batch.events.push_back({.sequence = sequence_, .at_ms = 5, .job = {1}});
    batch.submits.push_back({keep(batch, 100'000 + sequence_), 3, {}});
    if (sequence_ > 8) batch.dropped_submits.push_back(keep(batch, 100'000 + sequence_ - 8));
    batch.workers.push_back({keep(batch, below(3)), below(9), 1, 2});
    const auto number = static_cast<double>(sequence_);
    batch.experience.push_back(
        {static_cast<uint32_t>(below(5)),
         ~uint64_t{sequence_},
         {number, -0.5, 1.25},
         {1 / number, 20, 0}});
    return batch;
  }
  /// The next server starts to count anew.
  void restart() { sequence_start_ = sequence_; }
  uint64_t sequence_in_life() const { return sequence_ - sequence_start_; }

 private:
  struct Job {
    uint64_t array = 0;
    uint32_t count = 1;
  };

  size_t below(size_t limit) { return random_() % limit; }

  std::string_view keep(core::StoreBatch& batch, uint64_t number) {
    return batch.text.keep("n" + std::to_string(number));
  }

  std::vector<uint64_t> first_ids() const {
    std::vector<uint64_t> ids;
    for (const auto& [id, job] : jobs_)
      if (job.count > 1) ids.push_back(id);
    return ids;
  }

  uint64_t any() { return std::next(jobs_.begin(), static_cast<long>(below(jobs_.size())))->first; }

  core::JobProgress progress(core::StoreBatch& batch) {
    core::JobProgress p;
    p.state = static_cast<JobState>(below(wire::kJobStateCount));
    p.attempt_count = static_cast<uint32_t>(below(4));
    p.queued_at_ms = static_cast<int64_t>(below(3));
    p.finished_at_ms = static_cast<int64_t>(below(3));
    if (below(2) == 0) p.worker = keep(batch, below(9));
    if (below(2) == 0) p.last_error = {wire::ErrorClass::Exit, 3, 0, keep(batch, below(9))};
    return p;
  }

  void submit(core::StoreBatch& batch) {
    const uint64_t id = next_id_;
    const auto elements = static_cast<uint32_t>(below(3) == 0 ? 2 + below(12) : 0);
    const auto spec = make_spec(
        "job" + std::to_string(id), elements, std::string(below(9) == 0 ? 4'000 : 3, 'x'));
    auto* words = batch.text.allocate<uint64_t>(spec.size() / 8);
    std::memcpy(words, spec.data(), spec.size());
    batch.jobs.push_back(
        {.id = {id},
         .count = std::max(elements, 1u),
         .array = {elements > 0 ? id : 0},
         .submitted_at_ms = 7,
         .spec = {reinterpret_cast<const std::byte*>(words), spec.size()}});
    next_id_ += std::max(elements, 1u);
    fresh_[id] = {elements > 0 ? id : 0, std::max(elements, 1u)};
    if (below(3) > 0) jobs_.insert(fresh_.extract(id));
  }

  /// Takes elements off the front of a rest, or a part out of its middle.
  void take_some(core::StoreBatch& batch, uint64_t first) {
    if (std::any_of(batch.jobs.begin(), batch.jobs.end(), [&](const core::JobRecord& job) {
          return job.id.value == first;
        })) {
      return;  // of this very group: it is written as it is at the end
    }
    const Job rest = jobs_.at(first);
    jobs_.erase(first);
    const auto from = static_cast<uint32_t>(below(2) == 0 ? 0 : below(rest.count));
    const auto taken = static_cast<uint32_t>(1 + below(rest.count - from));
    const uint64_t after = first + from + taken;
    const uint32_t left = rest.count - from - taken;
    if (from > 0) {
      batch.arrays.push_back({{rest.array}, {first}, {first}, from});
      jobs_[first] = {rest.array, from};
      if (left > 0) add(batch, after, left, rest.array);
    } else {
      batch.arrays.push_back({{rest.array}, {first}, {after}, left});
      if (left > 0) jobs_[after] = {rest.array, left};
    }
    if (below(2) == 0) {
      add(batch, first + from, taken, rest.array);  // as one: aborted together
    } else {
      for (uint32_t i = 0; i < taken; ++i)
        add(batch, first + from + i, 1, rest.array);
    }
  }

  void add(core::StoreBatch& batch, uint64_t id, uint32_t count, uint64_t array) {
    batch.jobs.push_back(
        {.id = {id},
         .count = count,
         .array = {array},
         .array_index = static_cast<uint32_t>(id - array),
         .submitted_at_ms = 7,
         .progress = progress(batch)});
    jobs_[id] = {array, count};
  }

  void change(core::StoreBatch& batch, uint64_t id) {
    batch.changes.push_back({{id}, progress(batch)});
    batch.attempts.push_back(
        {{{id}, 1 + below(5) + 10 * id, 1}, keep(batch, below(9)), JobState::Failed, 1, 2, 3});
  }

  void drop(core::StoreBatch& batch) {
    const uint64_t id = any();
    batch.dropped_jobs.push_back({id});
    jobs_.erase(id);
  }

  std::mt19937 random_;
  uint64_t sequence_ = 0;
  uint64_t sequence_start_ = 0;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Job> jobs_;
  std::map<uint64_t, Job> fresh_;  // never touched again
};

TEST(StoreModel, RandomGroupsMergedAtRandomGiveBackWhatTheContractSays) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    const StoreFolder folder;
    std::mt19937 random(seed);
    Groups groups(seed);
    core::StoreModel model;
    for (int life = 1; life <= 3; ++life) {
      SqliteStore store({folder.file()});
      open_or_fail(store);
      Story expected;
      model.load(expected);
      ASSERT_THAT(read_back(store).lines, testing::ElementsAreArray(expected.lines))
          << "seed " << seed << " life " << life;
      groups.restart();
      for (int commit = 0; commit < 15; ++commit) {
        std::vector<core::StoreBatch> merged;
        for (size_t i = 1 + random() % 4; i > 0; --i) {
          merged.push_back(groups.next());
          merged.back().sequence = groups.sequence_in_life();
          model.commit(merged.back());
        }
        std::string problem;
        ASSERT_TRUE(store.commit(merged, problem)) << problem;
      }
    }
  }
}

}  // namespace
}  // namespace berth::net
