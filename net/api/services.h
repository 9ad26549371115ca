#pragma once

#include "core/shard.h"
#include "core/tables/tables.h"
#include "net/api/asker.h"

namespace berth::net {

class EventFeed;
class HttpWorkers;
class MetricsPage;

/// What handlers may use beside their exchange. All of the gateway's thread.
struct Services {
  Asker& asker;
  core::Tables& tables;
  const core::ServerIdentity& identity;
  HttpWorkers& workers;  ///< net/api/http_workers.h
  EventFeed& events;     ///< net/api/event_feed.h
  MetricsPage& metrics;  ///< net/api/metrics_page.h
};

}  // namespace berth::net
