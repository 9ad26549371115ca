#include "net/gateway/gateway.h"

#include <utility>

#include "net/log/log.h"
#include "net/loop_clock.h"
#include "wire/frame.h"

namespace berth::net {
namespace {

constexpr uint64_t kDrainAwaitedMs = 2'000;
constexpr uint64_t kDrainMaxMs = 3'500;

StreamLimits console_limits() {
  StreamLimits limits;
  limits.partial_ms = 600'000;  // people type
  return limits;
}

}  // namespace

Gateway::Gateway(
    wire::ShardId self,
    int console_socket,
    core::Tables& tables,
    const core::ServerIdentity& identity,
    const Post& post)
    : LoopThread("gateway"),
      identity_(identity),
      limits_(console_limits()),
      has_console_(console_socket >= 0),
      dispatcher_(self, tables, identity, post, *this),
      counters_(dispatcher_.counters()),
      streams_(loop()),
      sessions_(self),
      listener_(loop(), console_socket, *this) {}

void Gateway::on_start() {
  if (has_console_) listener_.start();
}

// ---- Sessions -------------------------------------------------------------------------------

void Gateway::on_accept(int socket) {
  ConsoleHost& host = *this;
  ConsoleSession& session =
      sessions_.add(std::make_unique<ConsoleSession>(streams_, limits_, host));
  session.open(socket);
  if (sessions_.count() <= kSessionsMax) {
    counters_.add(core::Counter::ConnectionsAccepted);
    return;
  }
  counters_.add(core::Counter::ConnectionsRefused);
  session.refuse("limit_reached", "too many console sessions; end another one first");
  session.finish(CloseReason::Refused);
}

void Gateway::on_accept_starved() {
  counters_.add(core::Counter::ConnectionsRefused);
}

void Gateway::on_console_request(ConsoleSession& session, const wire::Request& request) {
  // As bytes too, for it may have to travel or to wait.
  frame_.clear();
  const wire::RequestId id = {++requests_};
  encoder_.encode(id, request, frame_);
  const std::span<const std::byte> payload =
      std::span<const std::byte>(frame_).subspan(wire::kFrameHeaderBytes);
  (void)dispatcher_.on_request(LoopClock::now(), session.id, id, request, payload);
}

void Gateway::deliver(wire::ConnectionId to, wire::RequestId, const wire::Reply& message) {
  if (ConsoleSession* session = sessions_.find(to)) session->answer(message);
}

void Gateway::deliver_frame(
    wire::ConnectionId to, std::span<const std::byte> bytes, Dispatcher::Answer) {
  ConsoleSession* session = sessions_.find(to);
  if (session == nullptr) return;
  wire::Frame frame;
  size_t frame_bytes = 0;
  const wire::FrameStatus status = wire::next_frame(bytes, UINT32_MAX, frame, frame_bytes);
  if (status != wire::FrameStatus::Ok ||
      decoder_.decode(frame.payload, reply_) != wire::DecodeStatus::Ok) {
    session->answer(wire::Refused{wire::Refusal::Unsupported, "the answer could not be read"});
    return;
  }
  session->answer(reply_);
}

void Gateway::end(wire::ConnectionId connection) {
  if (ConsoleSession* session = sessions_.find(connection)) session->finish(CloseReason::Refused);
}

void Gateway::on_console_dirty(ConsoleSession& session) {
  if (session.dirty) return;
  session.dirty = true;
  dirty_.push_back(session.id);
}

void Gateway::on_console_closed(ConsoleSession& session) {
  const wire::ConnectionId id = session.id;
  sessions_.remove(id);
  dispatcher_.on_closed(id);
}

// ---- The loop -------------------------------------------------------------------------------

void Gateway::on_letter(Letter&& letter) {
  if (const auto* requests = std::get_if<RequestBatch>(&letter)) {
    dispatcher_.on_requests(LoopClock::now(), *requests);
  } else if (const auto* replies = std::get_if<ReplyBatch>(&letter)) {
    dispatcher_.on_replies(*replies);
  } else if (const auto* notices = std::get_if<NoticeBatch>(&letter)) {
    dispatcher_.on_notices(*notices);
  } else if (std::holds_alternative<Drain>(letter)) {
    draining_ = true;
    drain_since_ms_ = uv_now(loop());
    listener_.stop();
    dispatcher_.on_drain();
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

void Gateway::on_turn_end() {
  // Going on with a session can make it dirty again; its input is finite, so this ends.
  for (size_t i = 0; i < dirty_.size(); ++i) {
    ConsoleSession* session = sessions_.find(dirty_[i]);
    if (session == nullptr) continue;
    session->dirty = false;
    session->proceed();
  }
  dirty_.clear();
  dispatcher_.on_turn_end();
}

void Gateway::on_tick() {
  dispatcher_.on_tick(LoopClock::now());
  for (size_t slot = 0; slot < sessions_.slots(); ++slot) {
    if (ConsoleSession* session = sessions_.at_slot(slot)) session->sweep();
  }
  counters_.add(core::Counter::BytesReceived, std::exchange(streams_.bytes_received, 0));
  counters_.add(core::Counter::BytesSent, std::exchange(streams_.bytes_sent, 0));
  if (draining_) go_on_draining();
}

bool Gateway::any_waiting() {
  for (size_t slot = 0; slot < sessions_.slots(); ++slot) {
    const ConsoleSession* session = sessions_.at_slot(slot);
    if (session != nullptr && session->waiting()) return true;
  }
  return false;
}

void Gateway::go_on_draining() {
  const uint64_t spent_ms = uv_now(loop()) - drain_since_ms_;
  if (!finishing_ && (!any_waiting() || spent_ms >= kDrainAwaitedMs)) {
    finishing_ = true;
    for (size_t slot = 0; slot < sessions_.slots(); ++slot) {
      if (ConsoleSession* session = sessions_.at_slot(slot)) session->finish(CloseReason::Local);
    }
  }
  if (finishing_ && (sessions_.count() == 0 || spent_ms >= kDrainMaxMs)) stop();
}

void Gateway::on_stop() {
  listener_.stop();
  for (size_t slot = 0; slot < sessions_.slots(); ++slot) {
    if (ConsoleSession* session = sessions_.at_slot(slot)) session->close(CloseReason::Local);
  }
}

}  // namespace berth::net
