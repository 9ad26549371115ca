#include "core/jobs/job_table.h"

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_set.h>

#include <memory>
#include <vector>

#include "core/base/check.h"
#include "core/jobs/id_set.h"

namespace berth::core {

namespace {

/// Room for jobs, which never move. What was given back is handed out again.
class Slab {
 public:
  Job* make() {
    if (free_ == nullptr) grow();
    Room* room = free_;
    free_ = room->next;
    return new (&room->job) Job;
  }

  void destroy(Job* job) {
    job->~Job();
    Room* room = reinterpret_cast<Room*>(job);
    room->next = free_;
    free_ = room;
  }

 private:
  static constexpr size_t kChunk = 256;

  union Room {
    Room() : next(nullptr) {}
    ~Room() {}
    Room* next;
    Job job;
  };

  void grow() {
    Room* chunk = chunks_.emplace_back(new Room[kChunk]).get();
    for (size_t i = kChunk; i-- > 0;) {  // from the back: neighbours are handed out in order
      chunk[i].next = free_;
      free_ = &chunk[i];
    }
  }

  std::vector<std::unique_ptr<Room[]>> chunks_;
  Room* free_ = nullptr;
};

// The id is in the job: a table of pointers alone is half as large.
struct HashOfId {
  using is_transparent = void;
  size_t operator()(const Job* job) const { return (*this)(job->id); }
  size_t operator()(wire::JobId id) const { return absl::Hash<uint64_t>{}(id.value); }
};
struct SameId {
  using is_transparent = void;
  bool operator()(const Job* a, const Job* b) const { return a->id == b->id; }
  bool operator()(const Job* a, wire::JobId b) const { return a->id == b; }
  bool operator()(wire::JobId a, const Job* b) const { return a == b->id; }
};

uint64_t last_of(const Job& job) {
  return job.id.value + job.count - 1;
}

/// What all elements of an array have in common. What one has done, and a place in a queue, is its
/// own.
void copy_shared(const Job& from, Job& to) {
  to.array = from.array;
  to.spec = from.spec;
  to.state = from.state;
  to.unsatisfiable = from.unsatisfiable;
  to.counted_as = from.counted_as;
  to.unmet = from.unmet;
  to.priority = from.priority;
  to.like = from.like;
  to.timeout_ms = from.timeout_ms;
  to.estimated_ms = from.estimated_ms;
  to.deadline_at_ms = from.deadline_at_ms;
  to.submitted_at_ms = from.submitted_at_ms;
  to.ready_at = from.ready_at;
  to.likeness = from.likeness;
}

}  // namespace

struct JobTable::State {
  using Singles = absl::flat_hash_set<Job*, HashOfId, SameId>;
  using Rests = absl::btree_map<uint64_t, Job*>;

  Slab slab;
  Singles singles;
  IdSet single_ids;
  // By last id: taking elements from the front, as dispatch does, leaves the key as it is.
  Rests rests;
  uint64_t elements = 0;

  Job* rest_with(uint64_t id) const {
    auto found = rests.lower_bound(id);
    return found != rests.end() && found->second->id.value <= id ? found->second : nullptr;
  }

  void enter(Job* job) {
    if (job->count > 1) {
      BERTH_CHECK(rests.emplace(last_of(*job), job).second);
    } else {
      BERTH_CHECK(singles.insert(job).second);
      single_ids.insert(job->id.value);
    }
  }

  void leave(Job* job) {
    if (job->count > 1) {
      rests.erase(last_of(*job));
    } else {
      singles.erase(job);
      single_ids.erase(job->id.value);
    }
  }

  /// A job of some elements of `rest`, which is about to lose them. Not entered.
  Job* part_of(const Job& rest, uint64_t first, uint32_t count) {
    Job* part = slab.make();
    copy_shared(rest, *part);
    part->id = {first};
    part->count = count;
    part->array_index = rest.array_index + static_cast<uint32_t>(first - rest.id.value);
    return part;
  }
};

JobTable::JobTable() : state_(std::make_unique<State>()) {}

JobTable::~JobTable() {
  for (Job* job : state_->singles)
    state_->slab.destroy(job);
  for (auto& [last, job] : state_->rests)
    state_->slab.destroy(job);
}

Job* JobTable::find(wire::JobId id) {
  auto found = state_->singles.find(id);
  return found != state_->singles.end() ? *found : state_->rest_with(id.value);
}

Job& JobTable::add(wire::JobId id, uint32_t count) {
  BERTH_CHECK(id.value != 0 && count > 0);
  Job* job = state_->slab.make();
  job->id = id;
  job->count = count;
  state_->enter(job);
  state_->elements += count;
  return *job;
}

Job& JobTable::take_out(Job& rest, wire::JobId id) {
  if (id != rest.id) {
    Job& tail = split(rest, id);
    if (tail.count > 1) split(tail, {id.value + 1});
    return tail;
  }
  if (rest.count == 1) return rest;
  Job* element = state_->part_of(rest, id.value, 1);
  if (rest.count > 2) {
    --rest.count;  // with its last id, its place among the rests stays
    ++rest.id.value;
    ++rest.array_index;
  } else {
    state_->leave(&rest);
    --rest.count;
    ++rest.id.value;
    ++rest.array_index;
    state_->enter(&rest);
  }
  state_->enter(element);
  return *element;
}

Job& JobTable::split(Job& rest, wire::JobId at) {
  BERTH_CHECK(at > rest.id && at.value <= last_of(rest));
  const uint64_t behind = last_of(rest) - at.value + 1;
  Job* tail = state_->part_of(rest, at.value, static_cast<uint32_t>(behind));
  state_->leave(&rest);
  rest.count -= tail->count;
  state_->enter(&rest);
  state_->enter(tail);
  return *tail;
}

void JobTable::drop(wire::JobId id) {
  Job* job = find(id);
  if (job == nullptr) return;
  state_->elements -= job->count;
  state_->leave(job);
  state_->slab.destroy(job);
}

Job* JobTable::at_or_after(wire::JobId id) {
  auto rest = state_->rests.lower_bound(id.value);
  const std::optional<uint64_t> single = state_->single_ids.at_or_after(id.value);
  if (rest == state_->rests.end()) return single ? find({*single}) : nullptr;
  if (!single || rest->second->id.value < *single) return rest->second;
  return find({*single});
}

Job* JobTable::at_or_before(wire::JobId id) {
  const std::optional<uint64_t> single = state_->single_ids.at_or_before(id.value);
  auto next = state_->rests.lower_bound(id.value);
  // The first that ends at `id` or later either begins before it, or all before that one do.
  if (next == state_->rests.end() || next->second->id > id) {
    if (next == state_->rests.begin()) return single ? find({*single}) : nullptr;
    --next;
  }
  if (!single || next->second->id.value > *single) return next->second;
  return find({*single});
}

size_t JobTable::records() const {
  return state_->singles.size() + state_->rests.size();
}

uint64_t JobTable::elements() const {
  return state_->elements;
}

}  // namespace berth::core
