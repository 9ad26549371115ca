#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/client/client.h"
#include "tools/cli/shapes.h"

/// What a server planned for its jobs, for people and for scripts.
///
/// Shape    a plan that never came has no engine and no cost: `-` in tables, null in JSON
namespace berth::cli {

std::string history_text(const client::PlanPage& page, int64_t now_ms);
Json history_json(const client::PlanPage& page);

/// The plan and its jobs.
std::string details_text(const client::PlanDetails& details, int64_t now_ms);
Json details_json(const client::PlanDetails& details);
/// Its one job alone.
std::string planned_job_text(const client::PlanDetails& details);
/// ` (GPU 0, 3)`, or nothing.
std::string gpus_text(const std::vector<uint16_t>& gpus);

}  // namespace berth::cli
