#include "core/jobs/worker_book.h"

#include <algorithm>
#include <utility>

namespace berth::core {

WorkerNumber WorkerBook::find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? kNoWorker : found->second;
}

WorkerNumber WorkerBook::number_of(std::string_view name) {
  auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  const auto number = static_cast<WorkerNumber>(entries_.size());
  entries_.emplace_back().name = name;
  by_name_.emplace(entries_.back().name, number);
  return number;
}

void WorkerBook::attach(WorkerNumber worker, wire::ConnectionId connection) {
  WorkerEntry& entry = entries_[worker];
  if (entry.attached && entry.connection != connection) {
    auto before = by_connection_.find(entry.connection);
    if (before != by_connection_.end()) std::erase(before->second, worker);
    entry.attached = false;
  }
  if (!entry.attached) by_connection_[connection].push_back(worker);
  entry.attached = true;
  entry.connection = connection;
  entry.wants = 0;
}

std::vector<WorkerNumber> WorkerBook::detach_all(wire::ConnectionId connection) {
  auto found = by_connection_.find(connection);
  if (found == by_connection_.end()) return {};
  std::vector<WorkerNumber> workers = std::move(found->second);
  by_connection_.erase(found);
  for (WorkerNumber worker : workers) {
    entries_[worker].attached = false;
    entries_[worker].wants = 0;
  }
  return workers;
}

Duration cooldown_after(uint32_t failures, Duration base, Duration cap) {
  if (failures == 0 || base.ns == 0) return {0};  // 0 never doubles up to the cap
  Duration length = base;
  for (uint32_t i = 1; i < failures && length < cap; ++i)
    length = length * 2;
  return std::min(length, cap);
}

}  // namespace berth::core
