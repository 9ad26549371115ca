#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/client/client.h"

/// What a server planned for its jobs, for people; for scripts it is in net/forms/plan_shapes.h.
///
/// Shape    a plan that never came has no engine and no cost: `-`
namespace berth::cli {

std::string history_text(const client::PlanPage& page, int64_t now_ms);

/// The plan and its jobs.
std::string details_text(const client::PlanDetails& details, int64_t now_ms);
/// Its one job alone.
std::string planned_job_text(const client::PlanDetails& details);
/// ` (GPU 0, 3)`, or nothing.
std::string gpus_text(const std::vector<uint16_t>& gpus);

}  // namespace berth::cli
