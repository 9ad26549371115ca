#include "core/jobs/waiting_line.h"

#include <limits>

namespace berth::core {

uint64_t WaitingLine::add(int32_t priority, WaitingRequest&& request) {
  Turn turn{priority, ++tickets_};
  by_deadline_.insert({request.deadline, turn});
  by_connection_.insert({request.from, turn});
  priority_of_.emplace(turn.ticket, priority);
  requests_.emplace(turn, std::move(request));
  return turn.ticket;
}

const WaitingLine::Requests::value_type* WaitingLine::find(uint64_t ticket) const {
  auto priority = priority_of_.find(ticket);
  if (priority == priority_of_.end()) return nullptr;
  return &*requests_.find(Turn{priority->second, ticket});
}

const WaitingRequest* WaitingLine::oldest() const {
  if (priority_of_.empty()) return nullptr;
  const auto& [ticket, priority] = *priority_of_.begin();
  return &requests_.find(Turn{priority, ticket})->second;
}

void WaitingLine::remove(Turn turn) {
  auto at = requests_.find(turn);
  if (at == requests_.end()) return;
  by_deadline_.erase({at->second.deadline, turn});
  by_connection_.erase({at->second.from, turn});
  priority_of_.erase(turn.ticket);
  requests_.erase(at);
}

size_t WaitingLine::remove_all_of(wire::ConnectionId from) {
  Turn front{std::numeric_limits<int32_t>::max(), 0};
  size_t removed = 0;
  for (auto at = by_connection_.lower_bound({from, front});
       at != by_connection_.end() && at->first == from;
       at = by_connection_.lower_bound({from, front})) {
    remove(at->second);
    ++removed;
  }
  return removed;
}

bool WaitingLine::any_due(Instant now) const {
  return !by_deadline_.empty() && by_deadline_.begin()->first <= now;
}

std::vector<Turn> WaitingLine::due(Instant now, size_t limit) const {
  std::vector<Turn> turns;
  for (const auto& [deadline, turn] : by_deadline_) {
    if (deadline > now || turns.size() == limit) break;
    turns.push_back(turn);
  }
  return turns;
}

}  // namespace berth::core
