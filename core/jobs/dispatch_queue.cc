#include "core/jobs/dispatch_queue.h"

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"

namespace berth::core {

bool operator<(const JobTurn& a, const JobTurn& b) {
  if (a.priority != b.priority) return a.priority > b.priority;
  if (a.deadline_at_ms != b.deadline_at_ms) {
    if (a.deadline_at_ms == 0 || b.deadline_at_ms == 0) return b.deadline_at_ms == 0;
    return a.deadline_at_ms < b.deadline_at_ms;
  }
  return a.id < b.id;
}

namespace {

using Head = std::pair<JobTurn, JobClass>;
using Heads = absl::btree_set<Head>;

struct Class {
  std::string key;
  absl::btree_set<JobTurn> turns;
  size_t jobs = 0;          // at all of these
  uint64_t blocked_in = 0;  // the round in which it was blocked last
  bool alive = false;
  bool used = false;    // somebody was in it since `class_of`
  bool listed = false;  // among `emptied`
};

}  // namespace

struct DispatchQueue::State {
  // One allocation each: the keys of `numbers` point into them.
  std::vector<std::unique_ptr<Class>> classes;
  std::vector<JobClass> free;
  std::vector<JobClass> emptied;  // perhaps in use again; freed by the next `class_of`
  absl::flat_hash_map<std::string_view, JobClass> numbers;

  Heads open;          // of the classes that are not blocked
  Heads closed;        // of those that are
  uint64_t round = 1;  // grows with `unblock_all`
  size_t size = 0;
  size_t blocked = 0;
  size_t blocked_jobs = 0;

  Class& at(JobClass like) const {
    BERTH_CHECK(like < classes.size() && classes[like]->alive);
    return *classes[like];
  }
  bool is_blocked(const Class& one) const { return one.blocked_in == round; }
  Heads& heads_of(const Class& one) { return is_blocked(one) ? closed : open; }

  void free_emptied() {
    for (JobClass like : emptied) {
      Class& one = *classes[like];
      one.listed = false;
      if (!one.used || !one.turns.empty()) continue;
      numbers.erase(one.key);
      one = Class{};
      free.push_back(like);
    }
    emptied.clear();
  }

  JobClass make(std::string_view key) {
    if (free.empty()) {
      free.push_back(static_cast<JobClass>(classes.size()));
      classes.push_back(std::make_unique<Class>());
    }
    const JobClass like = free.back();
    free.pop_back();
    Class& one = *classes[like];
    one.key = key;
    one.alive = true;
    numbers.emplace(one.key, like);
    return like;
  }
};

DispatchQueue::DispatchQueue() : state_(std::make_unique<State>()) {}
DispatchQueue::~DispatchQueue() = default;

JobClass DispatchQueue::class_of(std::string_view key) {
  auto found = state_->numbers.find(key);
  if (found != state_->numbers.end()) {
    Class& one = state_->at(found->second);
    if (one.turns.empty()) one.used = false;  // the caller is about to add to it
    return found->second;
  }
  state_->free_emptied();
  return state_->make(key);
}

std::string_view DispatchQueue::key_of(JobClass like) const {
  return state_->at(like).key;
}

void DispatchQueue::add(JobClass like, JobTurn turn, uint32_t jobs) {
  Class& one = state_->at(like);
  Heads& heads = state_->heads_of(one);
  const bool first = one.turns.empty() || turn < *one.turns.begin();
  if (first && !one.turns.empty()) heads.erase({*one.turns.begin(), like});
  BERTH_CHECK(one.turns.insert(turn).second);
  if (first) heads.insert({turn, like});
  one.used = true;
  one.jobs += jobs;
  ++state_->size;
  if (!state_->is_blocked(one)) return;
  ++state_->blocked;
  state_->blocked_jobs += jobs;
}

bool DispatchQueue::remove(JobClass like, JobTurn turn, uint32_t jobs) {
  Class& one = state_->at(like);
  auto found = one.turns.find(turn);
  if (found == one.turns.end()) return false;
  const bool first = found == one.turns.begin();
  one.turns.erase(found);
  if (first) {
    Heads& heads = state_->heads_of(one);
    heads.erase({turn, like});
    if (!one.turns.empty()) heads.insert({*one.turns.begin(), like});
  }
  --state_->size;
  if (state_->is_blocked(one)) --state_->blocked;
  lessen(like, jobs);
  if (one.turns.empty() && !std::exchange(one.listed, true)) state_->emptied.push_back(like);
  return true;
}

void DispatchQueue::lessen(JobClass like, uint32_t jobs) {
  Class& one = state_->at(like);
  BERTH_CHECK(jobs <= one.jobs);
  one.jobs -= jobs;
  if (state_->is_blocked(one)) state_->blocked_jobs -= jobs;
}

std::optional<std::pair<JobClass, JobTurn>> DispatchQueue::next() const {
  if (state_->open.empty()) return std::nullopt;
  const auto& [turn, like] = *state_->open.begin();
  return std::pair(like, turn);
}

void DispatchQueue::block(JobClass like) {
  Class& one = state_->at(like);
  if (state_->is_blocked(one)) return;
  if (!one.turns.empty()) {
    const Head head{*one.turns.begin(), like};
    state_->open.erase(head);
    state_->closed.insert(head);
  }
  one.blocked_in = state_->round;
  state_->blocked += one.turns.size();
  state_->blocked_jobs += one.jobs;
}

// The smaller tree goes into the larger one. Where nothing was to be had that is no work at all,
// and where a few were tried and blocked it is work for those few.
void DispatchQueue::unblock_all() {
  if (state_->open.size() < state_->closed.size()) state_->open.swap(state_->closed);
  state_->open.insert(state_->closed.begin(), state_->closed.end());
  state_->closed.clear();
  ++state_->round;
  state_->blocked = 0;
  state_->blocked_jobs = 0;
}

void DispatchQueue::each(const std::function<bool(JobClass, const JobTurn&)>& visit) const {
  struct Front {
    absl::btree_set<JobTurn>::const_iterator at;
    JobClass like;
  };
  const auto later = [](const Front& a, const Front& b) {
    return *b.at < *a.at;
  };
  std::vector<Front> fronts;
  for (const Heads* heads : {&state_->open, &state_->closed}) {
    for (const auto& [turn, like] : *heads)
      fronts.push_back({state_->at(like).turns.begin(), like});
  }
  std::make_heap(fronts.begin(), fronts.end(), later);
  while (!fronts.empty()) {
    std::pop_heap(fronts.begin(), fronts.end(), later);
    Front& front = fronts.back();
    if (!visit(front.like, *front.at)) return;
    if (++front.at == state_->at(front.like).turns.end()) {
      fronts.pop_back();
    } else {
      std::push_heap(fronts.begin(), fronts.end(), later);
    }
  }
}

std::vector<std::pair<JobClass, JobTurn>> DispatchQueue::first(size_t limit) const {
  std::vector<std::pair<JobClass, JobTurn>> first;
  first.reserve(std::min(limit, state_->size));
  each([&](JobClass like, const JobTurn& turn) {
    if (first.size() < limit) first.emplace_back(like, turn);
    return first.size() < limit;
  });
  return first;
}

size_t DispatchQueue::size() const {
  return state_->size;
}

size_t DispatchQueue::blocked() const {
  return state_->blocked;
}

size_t DispatchQueue::blocked_jobs() const {
  return state_->blocked_jobs;
}

bool DispatchQueue::is_blocked(JobClass like) const {
  return state_->is_blocked(state_->at(like));
}

size_t DispatchQueue::position(JobTurn turn, size_t limit) const {
  size_t before = 0;
  for (const Heads* heads : {&state_->open, &state_->closed}) {
    for (auto head = heads->begin(); head != heads->end() && head->first < turn; ++head) {
      const auto& turns = state_->at(head->second).turns;
      for (auto one = turns.begin(); one != turns.end() && *one < turn; ++one) {
        if (++before >= limit) return limit;
      }
    }
  }
  return before;
}

}  // namespace berth::core
