#include "net/api/services.h"

#include "net/loop_clock.h"

namespace berth::net {

Services::Services(Asker& asker, core::Tables& tables, const core::ServerIdentity& identity)
    : asker(asker),
      tables(tables),
      identity(identity),
      workers(asker),
      events(asker),
      ledger(asker) {}

Services::~Services() = default;

void Services::on_start() {}

void Services::on_turn_end() {
  events.on_turn_end();
  if (scrapes.waited_for()) scrapes.on_turn_end(LoopClock::now());
}

void Services::on_tick(core::Now now) {
  workers.on_tick(now);
  events.on_tick(now);
  ledger.on_tick(now.mono);
  tables.counters.gauges.event_streams.store(
      static_cast<int64_t>(events.subscribers()), std::memory_order_relaxed);
}

void Services::on_drain() {
  events.on_drain();
}

}  // namespace berth::net
