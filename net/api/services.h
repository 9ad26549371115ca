#pragma once

#include "core/base/time.h"
#include "core/shard.h"
#include "core/tables/tables.h"
#include "net/api/asker.h"
#include "net/api/event_feed.h"
#include "net/api/http_counts.h"
#include "net/api/http_workers.h"
#include "net/api/ledger_probe.h"
#include "net/api/metrics_page.h"
#include "net/api/scrapes.h"

namespace berth::net {

/// What handlers may use beside their exchange. A part that lives as long as the server is a member
/// here, made in services.cc with `asker`, and called there when the loop turns.
///
/// Threads  the gateway's; constructed before it starts
struct Services {
  Services(Asker& asker, core::Tables& tables, const core::ServerIdentity& identity);
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  /// The loop runs: from now on parts may ask.
  void on_start();
  /// At the end of every turn, before connections are flushed.
  void on_turn_end();
  void on_tick(core::Now now);
  /// The server stops: streams get their last event.
  void on_drain();

  Asker& asker;
  core::Tables& tables;
  const core::ServerIdentity& identity;
  HttpWorkers workers;
  EventFeed events;
  LedgerProbe ledger;
  core::Duration heartbeat_timeout = core::Duration::seconds(60);  ///< of HDCF workers
  bool draining = false;
  HttpCounts http_counts;
  MetricsPage metrics{tables, http_counts};
  Scrapes scrapes{metrics};
  bool store_is_full = false;  ///< so much waits to be written that new jobs are refused
};

}  // namespace berth::net
