#include "net/gateway/switchboard.h"

#include <memory>
#include <utility>

#include "net/loop_clock.h"
#include "wire/frame.h"

namespace berth::net {

Switchboard::Switchboard(
    wire::ShardId self,
    core::Tables& tables,
    const core::ServerIdentity& identity,
    const Post& post)
    : dispatcher_(self, tables, identity, post, *this), seats_(self) {}

void Switchboard::open(Peer& peer) {
  auto seat = std::make_unique<Seat>();
  seat->peer = &peer;
  peer.id = seats_.add(std::move(seat)).id;
}

void Switchboard::close(Peer& peer) {
  const wire::ConnectionId id = std::exchange(peer.id, {});
  seats_.remove(id);
  closed_.push_back(id);
  at_work([] {});
}

void Switchboard::ask(Peer& peer, wire::RequestId id, const wire::Request& request) {
  // As bytes too, for it may have to travel or to wait.
  frame_.clear();
  encoder_.encode(id, request, frame_);
  const std::span<const std::byte> payload =
      std::span<const std::byte>(frame_).subspan(wire::kFrameHeaderBytes);
  if (working_) return append_record(asked_, peer.id, id, payload);
  at_work([&] { (void)dispatcher_.on_request(LoopClock::now(), peer.id, id, request, payload); });
}

// The core's effects are not to be added to while they are carried out, and an answer may make its
// peer ask again, as a list does for its next page.
template <typename Work>
void Switchboard::at_work(Work&& work) {
  if (working_) return;
  working_ = true;
  work();
  catch_up();
  working_ = false;
}

void Switchboard::catch_up() {
  while (!asked_.empty() || !closed_.empty()) {
    while (!closed_.empty()) {
      const wire::ConnectionId id = closed_.back();
      closed_.pop_back();
      dispatcher_.on_closed(id);
    }
    asking_.clear();
    asking_.swap(asked_);
    for_each_record(
        asking_,
        [&](wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> bytes) {
          const bool gone = seats_.find(from) == nullptr;
          if (gone || request_decoder_.decode(bytes, request_) != wire::DecodeStatus::Ok) return;
          (void)dispatcher_.on_request(LoopClock::now(), from, id, request_, bytes);
        });
  }
}

void Switchboard::deliver(
    wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) {
  if (Seat* seat = seats_.find(to)) seat->peer->on_reply(request, message);
}

void Switchboard::deliver_frame(
    wire::ConnectionId to, std::span<const std::byte> bytes, Dispatcher::Answer) {
  Seat* seat = seats_.find(to);
  if (seat == nullptr) return;
  wire::Frame frame;
  size_t frame_bytes = 0;
  const wire::FrameStatus status = wire::next_frame(bytes, UINT32_MAX, frame, frame_bytes);
  if (status == wire::FrameStatus::Ok &&
      reply_decoder_.decode(frame.payload, reply_) == wire::DecodeStatus::Ok) {
    seat->peer->on_reply(frame.request, reply_);
    return;
  }
  seat->peer->on_reply(
      frame.request, wire::Refused{wire::Refusal::Unsupported, "the answer could not be read"});
}

void Switchboard::end(wire::ConnectionId connection) {
  if (Seat* seat = seats_.find(connection)) seat->peer->on_ended();
}

bool Switchboard::on_letter(const Letter& letter) {
  if (const auto* requests = std::get_if<RequestBatch>(&letter)) {
    at_work([&] { dispatcher_.on_requests(LoopClock::now(), *requests); });
  } else if (const auto* replies = std::get_if<ReplyBatch>(&letter)) {
    at_work([&] { dispatcher_.on_replies(*replies); });
  } else {
    return false;
  }
  return true;
}

void Switchboard::on_tick() {
  at_work([&] { dispatcher_.on_tick(LoopClock::now()); });
}

}  // namespace berth::net
