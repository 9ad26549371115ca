#include "net/gateway/http_connections.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "net/dispatcher.h"
#include "net/loop_clock.h"

namespace berth::net {
namespace {

constexpr uint64_t kSweepEveryMs = 1'000;

constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: application/problem+json\r\n"
    "Retry-After: 1\r\n"
    "Connection: close\r\n\r\n"
    R"({"type":"about:blank","title":"Service Unavailable","status":503,"code":"limit_reached",)"
    R"("detail":"too many HTTP connections","hint":"end others, or raise --http-connections-max"})";

}  // namespace

HttpConnections::HttpConnections(
    StreamLoop& streams,
    HttpOptions options,
    Asker& asker,
    core::Tables& tables,
    const core::ServerIdentity& identity,
    core::ThreadCounters& counters)
    : streams_(streams),
      options_(std::move(options)),
      counters_(counters),
      open_(tables.counters.gauges.open(core::ConnectionKind::Http)),
      limits_(http_stream_limits()),
      budget_{.bytes_max = options_.bodies_bytes_max},
      services_(asker, tables, identity),
      desk_(services_, options_.rules),
      listener_(streams.loop, options_.socket, *this) {
  services_.heartbeat_timeout = options_.heartbeat_timeout;
}

void HttpConnections::start() {
  uv_idle_init(streams_.loop, &idle_);
  uv_timer_init(streams_.loop, &due_);
  started_ = true;
  services_.on_start();
  refresh_gauges(services_.tables.counters.gauges);
  if (options_.socket >= 0) listener_.start();
}

void HttpConnections::on_accept(int socket) {
  HttpExchangeOwner& owner = *this;
  auto made =
      std::make_unique<HttpExchange>(desk_, owner, streams_, limits_, options_.limits, budget_);
  HttpConnection& connection = made->connection();
  exchanges_.emplace(made.get(), std::move(made));
  show_count();
  connection.open(socket);
  if (exchanges_.size() > options_.connections_max) return refuse(connection);
  counters_.add_kind(core::Counter::ConnectionsAccepted, core::ConnectionKind::Http);
}

void HttpConnections::refuse(HttpConnection& connection) {
  counters_.add_kind(core::Counter::ConnectionsRefused, core::ConnectionKind::Http);
  const auto* bytes = reinterpret_cast<const std::byte*>(kFull.data());
  connection.out().insert(connection.out().end(), bytes, bytes + kFull.size());
  connection.finish(CloseReason::Refused);
}

void HttpConnections::on_accept_starved() {
  counters_.add_kind(core::Counter::ConnectionsRefused, core::ConnectionKind::Http);
}

void HttpConnections::on_exchange_dirty(HttpExchange& exchange) {
  if (exchange.dirty) return;
  exchange.dirty = true;
  dirty_.push_back(&exchange);
}

void HttpConnections::on_exchange_answered(int status) {
  counters_.add(core::Counter::HttpRequests);
  if (status >= 400) counters_.add(core::Counter::HttpProblems);
}

void HttpConnections::on_exchange_closed(HttpExchange& exchange) {
  exchanges_.erase(&exchange);
  show_count();
}

void HttpConnections::show_count() {
  open_.store(static_cast<int64_t>(exchanges_.size()), std::memory_order_relaxed);
}

// What going on with a connection makes dirty again has its turn after everybody else's.
void HttpConnections::on_turn_end() {
  if (!started_) return;
  services_.on_turn_end();
  turn_.clear();
  turn_.swap(dirty_);
  for (HttpExchange* exchange : turn_) {
    if (!exchanges_.contains(exchange)) continue;
    exchange->dirty = false;
    exchange->proceed();
  }
  desk_.pace.on_turn_end(LoopClock::mono());
  if (dirty_.empty()) {
    uv_idle_stop(&idle_);
  } else {
    uv_idle_start(&idle_, [](uv_idle_t*) {});  // the loop must not sleep
  }
  sleep_until_due();
}

// The end of the turn in which it wakes up does the rest.
void HttpConnections::sleep_until_due() {
  core::Instant due{INT64_MAX};
  if (services_.scrapes.waited_for()) due = services_.scrapes.due();
  if (desk_.pace.waited_for()) due = std::min(due, desk_.pace.due());
  if (due.ns == INT64_MAX) return;
  const core::Duration left = due - LoopClock::mono();
  const int64_t ms = std::max<int64_t>(left.ns, 0) / 1'000'000 + 1;
  uv_timer_start(
      &due_, [](uv_timer_t*) {}, static_cast<uint64_t>(ms), 0);
}

void HttpConnections::on_tick(bool store_is_full) {
  services_.store_is_full = store_is_full;
  services_.on_tick(LoopClock::now());
  const uint64_t now_ms = uv_now(streams_.loop);
  if (now_ms - swept_ms_ < kSweepEveryMs) return;
  swept_ms_ = now_ms;
  refresh_gauges(services_.tables.counters.gauges);
  for (const auto& [key, exchange] : exchanges_)
    exchange->connection().sweep_all();
}

void HttpConnections::on_drain() {
  listener_.stop();
  services_.draining = true;
  services_.on_drain();
  for (const auto& [key, exchange] : exchanges_)
    exchange->on_drain();
}

bool HttpConnections::any_waiting() const {
  for (const auto& [key, exchange] : exchanges_)
    if (exchange->connection().waiting()) return true;
  return false;
}

void HttpConnections::finish_all() {
  for (const auto& [key, exchange] : exchanges_)
    exchange->connection().finish(CloseReason::Local);
}

void HttpConnections::stop() {
  listener_.stop();
  for (const auto& [key, exchange] : exchanges_)
    exchange->connection().close(CloseReason::Local);
  if (!started_) return;
  started_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&due_), nullptr);
}

}  // namespace berth::net
