#pragma once

#include <span>

#include "net/api/route.h"

namespace berth::net {

/// Every API of the server, in the order of the OpenAPI document.
std::span<const Api* const> all_apis();

// One file each, with its routes, schemas and handlers.
extern const Api kJobsApi;       ///< net/api/v1/jobs.cc
extern const Api kPlansApi;      ///< net/api/v1/plans.cc
extern const Api kEventsApi;     ///< net/api/v1/events.cc
extern const Api kSystemApi;     ///< net/api/v1/system.cc
extern const Api kPlacementApi;  ///< net/api/v1/place.cc
extern const Api kWorkersApi;    ///< net/api/v1/workers.cc
extern const Api kMetricsApi;    ///< net/api/metrics.cc
extern const Api kDtaskV1Api;    ///< net/api/older/dtask_v1.cc
extern const Api kHdcfApi;       ///< net/api/older/hdcf.cc
extern const Api kJobPoolApi;    ///< net/api/older/job_pool.cc

}  // namespace berth::net
