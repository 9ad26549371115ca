#include "net/gateway/console_sessions.h"

namespace berth::net {
namespace {

StreamLimits console_limits() {
  StreamLimits limits;
  limits.partial_ms = 600'000;  // people type
  return limits;
}

}  // namespace

ConsoleSessions::ConsoleSessions(
    StreamLoop& streams,
    int socket,
    Asker& asker,
    std::string_view software,
    core::ThreadCounters& counters,
    std::atomic<int64_t>& open)
    : streams_(streams),
      asker_(asker),
      software_(software),
      counters_(counters),
      open_(open),
      limits_(console_limits()),
      listens_(socket >= 0),
      listener_(streams.loop, socket, *this) {}

void ConsoleSessions::start() {
  if (listens_) listener_.start();
}

void ConsoleSessions::on_accept(int socket) {
  ConsoleHost& host = *this;
  auto made = std::make_unique<ConsoleSession>(streams_, limits_, host);
  ConsoleSession& session = *made;
  asker_.open(session);
  sessions_.emplace(session.id, std::move(made));
  show_count();
  session.open(socket);
  if (sessions_.size() <= kSessionsMax) {
    counters_.add_kind(core::Counter::ConnectionsAccepted, core::ConnectionKind::Console);
    return;
  }
  counters_.add_kind(core::Counter::ConnectionsRefused, core::ConnectionKind::Console);
  session.refuse("limit_reached", "too many console sessions; end another one first");
  session.finish(CloseReason::Refused);
}

void ConsoleSessions::on_accept_starved() {
  counters_.add_kind(core::Counter::ConnectionsRefused, core::ConnectionKind::Console);
}

void ConsoleSessions::on_console_request(ConsoleSession& session, const wire::Request& request) {
  asker_.ask(session, wire::RequestId{++requests_}, request);
}

void ConsoleSessions::on_console_dirty(ConsoleSession& session) {
  if (session.dirty) return;
  session.dirty = true;
  dirty_.push_back(session.id);
}

void ConsoleSessions::on_console_closed(ConsoleSession& session) {
  const wire::ConnectionId id = session.id;
  asker_.close(session);
  sessions_.erase(id);
  show_count();
}

void ConsoleSessions::show_count() {
  open_.store(static_cast<int64_t>(sessions_.size()), std::memory_order_relaxed);
}

void ConsoleSessions::on_turn_end() {
  // Going on with a session can make it dirty again; its input is finite, so this ends.
  for (size_t i = 0; i < dirty_.size(); ++i) {
    const auto found = sessions_.find(dirty_[i]);
    if (found == sessions_.end()) continue;
    found->second->dirty = false;
    found->second->proceed();
  }
  dirty_.clear();
}

void ConsoleSessions::sweep() {
  for (const auto& [id, session] : sessions_)
    session->sweep();
}

bool ConsoleSessions::any_waiting() const {
  for (const auto& [id, session] : sessions_)
    if (session->waiting()) return true;
  return false;
}

void ConsoleSessions::finish_all() {
  for (const auto& [id, session] : sessions_)
    session->finish(CloseReason::Local);
}

void ConsoleSessions::close_all() {
  for (const auto& [id, session] : sessions_)
    session->close(CloseReason::Local);
}

}  // namespace berth::net
