#include "net/gateway/gateway.h"

#include <utility>

#include "net/thread_turns.h"

namespace berth::net {
namespace {

constexpr uint64_t kDrainAwaitedMs = 2'000;
constexpr uint64_t kDrainMaxMs = 3'500;

}  // namespace

Gateway::Gateway(
    wire::ShardId self,
    int console_socket,
    HttpOptions http,
    core::Tables& tables,
    const core::ServerIdentity& identity,
    const Post& post)
    : LoopThread("gateway"),
      post_(post),
      switchboard_(self, tables, identity, post),
      counters_(switchboard_.counters()),
      streams_(loop()),
      console_(
          streams_,
          console_socket,
          switchboard_,
          identity.software,
          counters_,
          tables.counters.gauges.open(core::ConnectionKind::Console)),
      http_(streams_, std::move(http), switchboard_, tables, identity, counters_) {}

void Gateway::on_start() {
  give_way();  // a large page must not keep a shard from its next placement
  console_.start();
  http_.start();
}

void Gateway::on_letter(Letter&& letter) {
  if (switchboard_.on_letter(letter)) return;
  if (std::holds_alternative<Drain>(letter)) {
    on_drain();
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

void Gateway::on_turn_end() {
  console_.on_turn_end();
  http_.on_turn_end();
  switchboard_.on_turn_end();
}

void Gateway::on_tick() {
  switchboard_.on_tick();
  console_.sweep();
  http_.on_tick(post_.store != nullptr && post_.store->full());
  counters_.add(core::Counter::BytesReceived, std::exchange(streams_.bytes_received, 0));
  counters_.add(core::Counter::BytesSent, std::exchange(streams_.bytes_sent, 0));
  if (draining_) go_on_draining();
}

void Gateway::on_drain() {
  draining_ = true;
  drain_since_ms_ = uv_now(loop());
  console_.stop_listening();
  switchboard_.on_drain();
  http_.on_drain();
}

void Gateway::go_on_draining() {
  const uint64_t spent_ms = uv_now(loop()) - drain_since_ms_;
  if (!finishing_ && (!any_waiting() || spent_ms >= kDrainAwaitedMs)) {
    finishing_ = true;
    console_.finish_all();
    http_.finish_all();
  }
  const bool empty = console_.count() == 0 && http_.count() == 0;
  if (finishing_ && (empty || spent_ms >= kDrainMaxMs)) stop();
}

void Gateway::on_stop() {
  console_.stop_listening();
  console_.close_all();
  http_.stop();
}

}  // namespace berth::net
