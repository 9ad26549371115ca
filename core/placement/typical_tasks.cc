#include "core/placement/typical_tasks.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>

#include "core/placement/class_table.h"
#include "core/placement/demand_hash.h"

namespace berth::core {
namespace {

constexpr uint64_t kFadeEvery = 32'768;
constexpr uint64_t kStepDivisor = 16;

}  // namespace

struct TypicalTasks::State {
  struct Class {
    NodeDemand demand;
    uint64_t hash = 0;
    uint64_t count = 0;
  };

  std::vector<Class> classes;
  absl::flat_hash_map<uint64_t, uint32_t> at;  ///< hash of a demand to its place in `classes`
  uint64_t learnt = 0;                         ///< since counts were last halved, and their half
  uint64_t publish_at = 1;
  bool fixed = false;
  std::vector<TypicalTask> tasks;
  ClassTable table;
  uint64_t version = 1;

  void publish();
  void fade();
  void publish_tasks(std::vector<TypicalTask> next);
};

void TypicalTasks::State::publish_tasks(std::vector<TypicalTask> next) {
  double sum = 0;
  for (const TypicalTask& task : next)
    sum += task.share;
  for (TypicalTask& task : next)
    task.share /= sum;
  tasks = std::move(next);
  table = ClassTable(tasks);
  ++version;
}

void TypicalTasks::State::publish() {
  std::vector<TypicalTask> next;
  next.reserve(classes.size());
  for (const Class& c : classes)
    next.push_back({c.demand, static_cast<double>(c.count)});
  publish_tasks(std::move(next));
  publish_at = learnt + std::max<uint64_t>(1, learnt / kStepDivisor);
}

void TypicalTasks::State::fade() {
  for (Class& c : classes)
    c.count = std::max<uint64_t>(1, c.count / 2);
  learnt /= 2;
  publish_at = learnt;
}

TypicalTasks::TypicalTasks() : state_(std::make_unique<State>()) {}
TypicalTasks::~TypicalTasks() = default;
TypicalTasks::TypicalTasks(TypicalTasks&&) noexcept = default;
TypicalTasks& TypicalTasks::operator=(TypicalTasks&&) noexcept = default;

void TypicalTasks::learn(const NodeDemand& demand) {
  State& s = *state_;
  if (s.fixed) return;
  uint64_t hash = demand_hash(demand);
  auto [entry, is_new] = s.at.try_emplace(hash, static_cast<uint32_t>(s.classes.size()));
  if (!is_new) {
    ++s.classes[entry->second].count;
  } else if (s.classes.size() < kClassesMax) {
    s.classes.push_back({demand, hash, 1});
  } else {
    auto fewer = [](const State::Class& a, const State::Class& b) {
      return a.count < b.count;
    };
    auto rarest = std::min_element(s.classes.begin(), s.classes.end(), fewer);
    entry->second = static_cast<uint32_t>(rarest - s.classes.begin());
    s.at.erase(rarest->hash);
    *rarest = {demand, hash, rarest->count + 1};
  }
  if (++s.learnt >= kFadeEvery * 2) s.fade();
  if (s.learnt >= s.publish_at) s.publish();
}

void TypicalTasks::fix(std::vector<TypicalTask> tasks) {
  std::erase_if(tasks, [](const TypicalTask& task) { return !(task.share > 0); });
  auto larger = [](const TypicalTask& a, const TypicalTask& b) {
    return a.share > b.share;
  };
  std::stable_sort(tasks.begin(), tasks.end(), larger);
  if (tasks.size() > kClassesMax) tasks.resize(kClassesMax);
  state_->fixed = true;
  state_->publish_tasks(std::move(tasks));
}

const std::vector<TypicalTask>& TypicalTasks::tasks() const {
  return state_->tasks;
}
uint64_t TypicalTasks::version() const {
  return state_->version;
}
const ClassTable& TypicalTasks::table() const {
  return state_->table;
}

}  // namespace berth::core
