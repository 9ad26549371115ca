#pragma once

#include <atomic>

#include "core/settings.h"
#include "core/tables/counters.h"
#include "core/tables/fleet.h"
#include "core/tables/names.h"
#include "core/tables/reservations.h"

namespace berth::core {

/// All that the shards, the ledger and the gateway share. Each part says who may write it.
struct Tables {
  explicit Tables(const Settings& chosen)
      : settings(chosen),
        names(chosen.names_max),
        fleet(chosen),
        reservations(chosen.reservations_max, chosen.shards + 2u),
        counters(chosen.shards) {}

  const Settings settings;
  Names names;
  Fleet fleet;
  Reservations reservations;
  Counters counters;
  /// How many requests wait in the ledger; shards tell it of freed capacity only while any do.
  std::atomic<uint32_t> waiting{0};
  /// How many jobs could run if there were room; as `waiting`.
  std::atomic<uint32_t> jobs_waiting{0};
  /// Watches of events, as the ledger has them; for display.
  std::atomic<uint32_t> watchers{0};
  /// After a standstill of the process reservations live on until the heartbeats that renew them
  /// have been read; ns on the monotonic clock.
  std::atomic<int64_t> nothing_expires_before{0};
};

}  // namespace berth::core
