#pragma once

#include "net/client/plan_types.h"
#include "net/forms/json.h"

/// The JSON shapes of what a server planned for its jobs; docs/cli.md lists their keys. Keys are
/// added, never changed.
///
/// Shape    a plan that never came has no cost: null
/// Units    in the name of the key; moments are RFC 3339 in UTC, or null
namespace berth::forms {

/// Without its jobs.
Json plan_json(const client::PlanSummary& plan);
Json planned_job_json(const client::PlannedJob& job);
Json planner_json(const client::PlannerHealth& planner);

/// `plans` and `planner`.
Json plan_page_json(const client::PlanPage& page);
/// The plan, and at the end its `jobs`.
Json plan_details_json(const client::PlanDetails& details);

}  // namespace berth::forms
