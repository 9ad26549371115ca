#include "net/shard_loop.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "net/log/log.h"
#include "net/loop_clock.h"
#include "net/thread_turns.h"

namespace berth::net {
namespace {

// A tick that comes so late is no busy turn: the process was stopped, or had no processor.
constexpr core::Duration kStandstill = core::Duration::seconds(1);

// Connections over the limit that are heard out before they are closed; more are closed at once.
constexpr uint32_t kRefusedMax = 64;

// Requests of one connection that other threads may owe answers to at once; then it is not read on
// until half of them have come. Bounds what their answers can add up to in one turn.
constexpr uint32_t kForwardedMax = 1024;

// The same for what a few bytes may ask of the ledger that take it milliseconds, or half a megabyte
// of answer. A connection that pipelines thousands of them would have the ledger to itself.
constexpr size_t kCostlyMax = 8;

// Requests of one connection in one turn: one or two milliseconds of placing.
// Of turns with placements, one in so many is measured: clocks are not free.
constexpr uint32_t kMeasuredEvery = 16;

constexpr uint32_t kFramesMax = 4'096;

// Rows that one turn may look at for peers, about a millisecond's worth; whoever brought it there
// goes on in the next turn.
constexpr uint64_t kLookedAtMax = 32'768;

// A full round over all connections takes this many ticks: one second.
constexpr size_t kSweepTicks = 20;

// How long an answer that is still to come keeps a connection whose peer has ended its side.
constexpr uint64_t kEndedGraceMs = 1'000;

// What was under way when the server was told to stop still gets its answers for so long.
constexpr uint64_t kDrainGraceMs = 150;
constexpr uint64_t kDrainAwaitedMs = 2'000;
constexpr uint64_t kDrainMaxMs = 3'500;

Connection& connection_of(FrameStream& stream) {
  return *static_cast<Connection*>(stream.owner);
}

/// What waits in the ledger for something to happen is not counted: a peer must be able to release,
/// or to abort, what another of its own requests waits for.
bool takes_its_time(const wire::Request& request) {
  const auto* wait = std::get_if<wire::WaitJobs>(&request);
  return std::holds_alternative<wire::Place>(request) ||
         std::holds_alternative<wire::ReadLog>(request) ||
         std::holds_alternative<wire::NextJobs>(request) || (wait != nullptr && wait->wait_ms > 0);
}

bool is_costly(const wire::Request& request) {
  return std::holds_alternative<wire::ListJobs>(request) ||
         std::holds_alternative<wire::ShowJob>(request) ||
         std::holds_alternative<wire::ExplainJob>(request) ||
         std::holds_alternative<wire::ChangeJobs>(request) ||
         std::holds_alternative<wire::ListPlans>(request) ||
         std::holds_alternative<wire::GetPlan>(request) ||
         std::holds_alternative<wire::WaitJobs>(request);
}

bool erase_one(std::vector<uint32_t>& ids, uint32_t id) {
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end()) return false;
  *found = ids.back();
  ids.pop_back();
  return true;
}

}  // namespace

ShardLoop::ShardLoop(
    wire::ShardId self,
    int socket,
    core::Tables& tables,
    const core::ServerIdentity& identity,
    const ShardLimits& limits,
    const Post& post)
    : LoopThread("shard-" + std::to_string(self.value)),
      limits_(limits),
      tables_(tables),
      dispatcher_(self, tables, identity, post, *this),
      counters_(dispatcher_.counters()),
      streams_(loop()),
      connections_(self),
      listener_(loop(), socket, *this) {}

void ShardLoop::on_start() {
  go_first();
  take_short_turns();
  uv_idle_init(loop(), &idle_);
  idle_.data = this;
  ticked_ = LoopClock::mono();
  listener_.start();
}

// ---- The path of a frame --------------------------------------------------------------------

void ShardLoop::on_frame(FrameStream& stream, const wire::Frame& frame) {
  Connection& connection = connection_of(stream);
  const wire::DecodeStatus status = decoder_.decode(frame.payload, request_);
  if (status != wire::DecodeStatus::Ok) {
    on_undecodable(connection, frame.request, status);
    return;
  }
  if (!connection.greeted) {
    if (!std::holds_alternative<wire::Hello>(request_)) {
      counters_.add(core::Counter::ConnectionsClosedBadHello);
      refuse(connection, frame.request, wire::Refusal::BadRequest, "the first frame must be Hello");
      return;
    }
    connection.greeted = true;  // unless the core ends the connection over it
  }
  const Dispatcher::Answer answer =
      dispatcher_.on_request(now(), connection.id, frame.request, request_, frame.payload);
  count_placement(answer);
  if (answer != Dispatcher::Answer::Given) await(connection, frame.request, answer);
  charge(connection);
}

// Those that wait are measured where they wait.
void ShardLoop::count_placement(Dispatcher::Answer answer) {
  if (answer == Dispatcher::Answer::Given && std::holds_alternative<wire::Place>(request_)) {
    ++placed_;
  }
}

// All that are answered in a turn have been there since it began, more or less, and leave together.
void ShardLoop::measure_turn() {
  if (placed_ == 0) return;
  if (placing_turns_++ % kMeasuredEvery == 0) {
    counters_.measure(
        core::Measure::PlacementRequest, LoopClock::mono() - now_.mono, std::exchange(placed_, 0));
  }
  placed_ = 0;
}

// One request that finds no place may look at every worker there is, and the socket of a peer that
// pipelines holds megabytes of requests. Neither must keep the others, and heartbeats above all,
// waiting until it is through.
void ShardLoop::charge(Connection& connection) {
  if (connection.turn != turn_) {
    connection.turn = turn_;
    connection.frames = 0;
  }
  const uint64_t looked_at = dispatcher_.take_looked_at();
  looked_at_ += looked_at;
  if (++connection.frames >= kFramesMax || (looked_at > 0 && looked_at_ > kLookedAtMax)) {
    rest(connection);
  }
}

void ShardLoop::rest(Connection& connection) {
  connection.stream.rest(true);
  resting_.push_back(connection.id);
  if (resting_.size() > 1) return;
  uv_idle_start(
      &idle_, [](uv_idle_t* handle) { static_cast<ShardLoop*>(handle->data)->wake_rested(); });
}

void ShardLoop::wake_rested() {
  uv_idle_stop(&idle_);
  waking_.swap(resting_);
  for (const wire::ConnectionId id : waking_) {
    Connection* connection = connections_.find(id);
    if (connection == nullptr) continue;
    connection->stream.rest(false);
    connection->stream.resume();
  }
  waking_.clear();
}

void ShardLoop::await(Connection& connection, wire::RequestId id, Dispatcher::Answer from) {
  ++connection.awaited;
  ++awaited_;
  if (from == Dispatcher::Answer::FromLedger && takes_its_time(request_)) return;
  if (from == Dispatcher::Answer::FromLedger && is_costly(request_)) {
    connection.costly.push_back(id.value);
  } else {
    ++connection.forwarded;
  }
  if (connection.forwarded >= kForwardedMax || connection.costly.size() >= kCostlyMax) {
    connection.stream.hold(true);
  }
}

// The answer to a request that was not counted may be taken for one that was: then the connection
// is read on a little early.
void ShardLoop::arrived(Connection& connection, std::span<const std::byte> frame) {
  if (connection.awaited > 0) {
    --connection.awaited;
    --awaited_;
  }
  uint32_t id = 0;
  std::memcpy(&id, frame.data() + sizeof id, sizeof id);  // behind the length of its payload
  if (!erase_one(connection.costly, id) && connection.forwarded > 0) --connection.forwarded;
  if (connection.forwarded <= kForwardedMax / 2 && connection.costly.size() <= kCostlyMax / 2) {
    connection.stream.hold(false);
  }
}

void ShardLoop::deliver(
    wire::ConnectionId to, wire::RequestId request, const wire::Reply& message) {
  Connection* connection = connections_.find(to);
  if (connection == nullptr || !connection->stream.live()) return;
  encoder_.encode(request, message, connection->stream.out());
  // A watcher hears what others do: a turn may hold more for it than it may leave unread.
  if (connection->stream.congested()) connection->stream.flush();
  mark_dirty(*connection);
}

void ShardLoop::deliver_frame(
    wire::ConnectionId to, std::span<const std::byte> frame, Dispatcher::Answer from) {
  Connection* connection = connections_.find(to);
  if (connection == nullptr) return;
  if (from != Dispatcher::Answer::Given) arrived(*connection, frame);
  if (!connection->stream.live()) return;
  append_bytes(connection->stream.out(), frame.data(), frame.size());
  mark_dirty(*connection);
}

void ShardLoop::mark_dirty(Connection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(connection.id);
}

void ShardLoop::on_turn_end() {
  now_known_ = false;
  ++turn_;
  looked_at_ = 0;
  (void)dispatcher_.take_looked_at();  // of what other shards asked for
  // Going on with a connection that was held can make it dirty again; its input is finite.
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (const wire::ConnectionId id : flushing_) {
      Connection* connection = connections_.find(id);
      if (connection == nullptr) continue;
      connection->dirty = false;
      connection->stream.flush();
      connection->stream.resume();
      settle(*connection);
    }
    flushing_.clear();
  }
  measure_turn();
  dispatcher_.on_turn_end();
}

// One reading of the clocks serves a whole turn: a turn is short, and the clocks cost as much as
// deciding on a Ping.
core::Now ShardLoop::now() {
  if (!now_known_) {
    now_ = LoopClock::now();
    now_known_ = true;
  }
  return now_;
}

void ShardLoop::on_letter(Letter&& letter) {
  if (const auto* requests = std::get_if<RequestBatch>(&letter)) {
    dispatcher_.on_requests(now(), *requests);
  } else if (const auto* replies = std::get_if<ReplyBatch>(&letter)) {
    dispatcher_.on_replies(*replies);
  } else if (const auto* cooldowns = std::get_if<CooldownBatch>(&letter)) {
    dispatcher_.on_cooldowns(now(), *cooldowns);
  } else if (std::holds_alternative<Drain>(letter)) {
    on_drain();
  } else if (std::holds_alternative<Stop>(letter)) {
    stop();
  }
}

// ---- Peers that come ------------------------------------------------------------------------

void ShardLoop::on_accept(int socket) {
  std::atomic<int64_t>& open = tables_.counters.gauges.open(core::ConnectionKind::Wire);
  const bool over = open.fetch_add(1, std::memory_order_relaxed) >= limits_.connections_max;
  if (over) {
    open.fetch_sub(1, std::memory_order_relaxed);
    counters_.add_kind(core::Counter::ConnectionsRefused, core::ConnectionKind::Wire);
    BERTH_LOG(
        Warning,
        "connection limit reached: refusing new ones; raise --max-connections",
        {{"limit", limits_.connections_max}});
    if (refused_now_ >= kRefusedMax) {
      ::close(socket);
      return;
    }
    ++refused_now_;
  } else {
    counters_.add_kind(core::Counter::ConnectionsAccepted, core::ConnectionKind::Wire);
  }
  FrameHandler& handler = *this;
  Connection& connection =
      connections_.add(std::make_unique<Connection>(streams_, limits_.stream, handler));
  connection.accepted_ms = uv_now(loop());
  connection.refused = over;
  connection.stream.open(socket);
  if (over) {
    refuse(
        connection,
        {},
        wire::Refusal::LimitReached,
        "the server has as many connections as it allows (--max-connections); try another");
  } else {
    handshakes_.push_back(connection.id);
  }
}

void ShardLoop::on_accept_starved() {
  counters_.add_kind(core::Counter::ConnectionsRefused, core::ConnectionKind::Wire);
}

void ShardLoop::close_slow_handshakes() {
  const uint64_t now_ms = uv_now(loop());
  while (!handshakes_.empty()) {
    Connection* connection = connections_.find(handshakes_.front());
    const bool waiting = connection != nullptr && !connection->greeted && connection->stream.live();
    if (waiting) {
      if (now_ms - connection->accepted_ms < limits_.handshake_ms) return;
      counters_.add(core::Counter::ConnectionsClosedSlowHandshake);
      refuse(*connection, {}, wire::Refusal::BadRequest, "no Hello came in time");
    }
    handshakes_.pop_front();
  }
}

// ---- Peers that err -------------------------------------------------------------------------

void ShardLoop::on_undecodable(
    Connection& connection, wire::RequestId id, wire::DecodeStatus status) {
  if (status == wire::DecodeStatus::UnknownKind && connection.greeted) {
    // Well-formed, only newer than we are: the peer may go on with what we know.
    counters_.add_kind(core::Counter::RequestsRefused, wire::Refusal::Unsupported);
    deliver(
        connection.id,
        id,
        wire::Refused{wire::Refusal::Unsupported, "this server does not know this message kind"});
    return;
  }
  const bool greeted = connection.greeted;
  counters_.add(
      greeted ? core::Counter::ConnectionsClosedBadFrame
              : core::Counter::ConnectionsClosedBadHello);
  refuse(
      connection,
      id,
      wire::Refusal::BadRequest,
      greeted ? "the frame is not a valid request" : "the first frame must be Hello");
}

void ShardLoop::on_bad_frame(FrameStream& stream, wire::FrameStatus status) {
  Connection& connection = connection_of(stream);
  const bool greeted = connection.greeted;
  counters_.add(
      greeted ? core::Counter::ConnectionsClosedBadFrame
              : core::Counter::ConnectionsClosedBadHello);
  std::string message = "frame lengths are multiples of 8, and not 0";
  if (status == wire::FrameStatus::Oversized) {
    message = "a frame may have " + std::to_string(limits_.stream.frame_bytes_max) +
              " bytes (--max-frame-bytes)";
  }
  refuse(connection, {}, wire::Refusal::BadRequest, message);
}

void ShardLoop::refuse(
    Connection& connection, wire::RequestId id, wire::Refusal code, std::string_view message) {
  BERTH_LOG(Info, message, {{"peer", connection.stream.peer()}});
  deliver(connection.id, id, wire::Refused{code, message});
  connection.stream.finish(CloseReason::Refused);
}

// ---- Peers that go --------------------------------------------------------------------------

void ShardLoop::on_end(FrameStream& stream) {
  Connection& connection = connection_of(stream);
  connection.ended = true;
  connection.ended_ms = uv_now(loop());
  settle(connection);
}

// A peer that has said all it will say is kept until it has been answered, but not for long: one
// that died looks the same, and must not keep its place in the queue and then capacity.
void ShardLoop::settle(Connection& connection) {
  if (!connection.ended || !connection.stream.live()) return;
  const bool answered = connection.awaited == 0;
  if (answered || uv_now(loop()) - connection.ended_ms >= kEndedGraceMs) {
    connection.stream.finish(CloseReason::Peer);
  }
}

void ShardLoop::end(wire::ConnectionId id) {
  Connection* connection = connections_.find(id);
  if (connection == nullptr || !connection->stream.live()) return;
  connection->greeted = false;
  connection->stream.finish(CloseReason::Refused);
}

void ShardLoop::on_closed(FrameStream& stream, CloseReason reason) {
  Connection& connection = connection_of(stream);
  if (connection.refused) {
    --refused_now_;
  } else {
    tables_.counters.gauges.open(core::ConnectionKind::Wire)
        .fetch_sub(1, std::memory_order_relaxed);
  }
  awaited_ -= connection.awaited;
  const bool by_peer = reason == CloseReason::Peer || reason == CloseReason::Reset;
  if (by_peer) counters_.add(core::Counter::ConnectionsClosedByPeer);
  if (reason == CloseReason::SlowReader) {
    counters_.add(core::Counter::ConnectionsClosedSlowReader);
    BERTH_LOG(Warning, "closed a connection that does not read its answers");
  }
  if (reason == CloseReason::SlowInput) counters_.add(core::Counter::ConnectionsClosedBadFrame);
  const wire::ConnectionId id = connection.id;
  connections_.remove(id);
  dispatcher_.on_closed(id);
}

// ---- Time and the end -----------------------------------------------------------------------

void ShardLoop::on_tick() {
  now_known_ = false;
  if (now().mono - ticked_ >= kStandstill) {
    BERTH_LOG(
        Warning,
        "stood still; what was sent meanwhile is read before workers are judged by it",
        {{"for_ms", (now().mono - ticked_).ms()}});
    dispatcher_.on_standstill(now());
  }
  ticked_ = now().mono;
  dispatcher_.on_tick(now());
  close_slow_handshakes();
  sweep();
  counters_.add(core::Counter::BytesReceived, std::exchange(streams_.bytes_received, 0));
  counters_.add(core::Counter::BytesSent, std::exchange(streams_.bytes_sent, 0));
  if (draining_) go_on_draining();
}

// A part of the connections each tick, so that ten thousand of them never cost one turn much.
void ShardLoop::sweep() {
  const size_t slots = connections_.slots();
  const size_t count = finishing_ ? slots : (slots + kSweepTicks - 1) / kSweepTicks;
  for (size_t i = 0; i < count; ++i) {
    if (sweep_slot_ >= slots) sweep_slot_ = 0;
    Connection* connection = connections_.at_slot(sweep_slot_++);
    if (connection == nullptr) continue;
    settle(*connection);
    connection->stream.sweep();
  }
}

void ShardLoop::on_drain() {
  if (draining_) return;
  draining_ = true;
  drain_since_ms_ = uv_now(loop());
  listener_.stop();
  dispatcher_.on_drain();
}

void ShardLoop::go_on_draining() {
  const uint64_t spent_ms = uv_now(loop()) - drain_since_ms_;
  const bool answered = awaited_ == 0 || spent_ms >= kDrainAwaitedMs;
  if (!finishing_ && spent_ms >= kDrainGraceMs && answered) {
    finishing_ = true;
    for (size_t slot = 0; slot < connections_.slots(); ++slot) {
      Connection* connection = connections_.at_slot(slot);
      if (connection != nullptr) connection->stream.finish(CloseReason::Local);
    }
  }
  if (finishing_ && (connections_.count() == 0 || spent_ms >= kDrainMaxMs)) stop();
}

void ShardLoop::on_stop() {
  listener_.stop();
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  for (size_t slot = 0; slot < connections_.slots(); ++slot) {
    Connection* connection = connections_.at_slot(slot);
    if (connection != nullptr) connection->stream.close(CloseReason::Local);
  }
}

}  // namespace berth::net
