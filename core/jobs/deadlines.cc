#include "core/jobs/deadlines.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <compare>
#include <functional>
#include <utility>

namespace berth::core {

namespace {

struct Key {
  uint64_t subject;
  DeadlineKind kind;

  friend auto operator<=>(const Key&, const Key&) = default;
  template <typename Hash>
  friend Hash AbslHashValue(Hash hash, const Key& key) {
    return Hash::combine(std::move(hash), key.subject, key.kind);
  }
};

/// A look at `key` at this time. The order is total, so that what is due at the same instant comes
/// in the same order on every machine.
struct Look {
  Instant at;
  Key key;

  friend auto operator<=>(const Look&, const Look&) = default;
};

}  // namespace

// A deadline that moves to later keeps its look, which then finds out and is put off: the lease of
// a running job is renewed often and nearly never ends. One that moves to earlier gets a new look,
// and the one before becomes stale.
struct Deadlines::State {
  struct Value {
    Instant at;
    Instant look_at;  // at most `at`; the look that is valid
  };

  std::vector<Look> looks;  // a heap, earliest in front
  absl::flat_hash_map<Key, Value> live;

  void push(const Look& look) {
    looks.push_back(look);
    std::push_heap(looks.begin(), looks.end(), std::greater<>());
  }

  Look pop() {
    std::pop_heap(looks.begin(), looks.end(), std::greater<>());
    const Look look = looks.back();
    looks.pop_back();
    return look;
  }

  /// Every live one has one valid look, so what is more than that is stale.
  void forget_stale() {
    if (looks.size() <= 2 * live.size() + 64) return;
    looks.clear();
    for (auto& [key, value] : live) {
      value.look_at = value.at;
      looks.push_back({value.at, key});
    }
    std::make_heap(looks.begin(), looks.end(), std::greater<>());
  }
};

Deadlines::Deadlines() : state_(std::make_unique<State>()) {}
Deadlines::~Deadlines() = default;

void Deadlines::set(DeadlineKind kind, uint64_t subject, Instant at) {
  const Key key{subject, kind};
  auto [found, added] = state_->live.try_emplace(key, State::Value{at, at});
  if (!added) {
    State::Value& value = found->second;
    value.at = at;
    if (at >= value.look_at) return;
    value.look_at = at;
  }
  state_->push({at, key});
  state_->forget_stale();
}

void Deadlines::clear(DeadlineKind kind, uint64_t subject) {
  if (state_->live.erase(Key{subject, kind}) > 0) state_->forget_stale();
}

void Deadlines::take_due(Instant now, size_t limit, std::vector<Due>& due) {
  while (limit > 0 && !state_->looks.empty() && state_->looks.front().at <= now) {
    const Look look = state_->pop();
    auto found = state_->live.find(look.key);
    if (found == state_->live.end() || found->second.look_at != look.at) continue;
    if (found->second.at > look.at) {
      found->second.look_at = found->second.at;
      state_->push({found->second.at, look.key});
      continue;
    }
    due.push_back({look.key.kind, look.key.subject});
    state_->live.erase(found);
    --limit;
  }
}

size_t Deadlines::size() const {
  return state_->live.size();
}

}  // namespace berth::core
