#pragma once

#include "wire/encode_parts.h"
#include "wire/plan_messages.h"

/// One `write` for every table about plans, as encode_parts.h has them. Private to wire/*.cc.
namespace berth::wire {

namespace fb {
struct CostTerm;
struct PlanCost;
struct PlanDiff;
struct PlanRow;
struct PlannerHealth;
struct PlannedJob;
struct ListPlans;
struct GetPlan;
struct PlanPage;
struct PlanDetails;
}  // namespace fb

Written<fb::CostTerm> write(Writer& writer, const CostTerm& message);
Written<fb::PlanCost> write(Writer& writer, const PlanCost& message);
Written<fb::PlanDiff> write(Writer& writer, const PlanDiff& message);
Written<fb::PlanRow> write(Writer& writer, const PlanRow& message);
Written<fb::PlannerHealth> write(Writer& writer, const PlannerHealth& message);
Written<fb::PlannedJob> write(Writer& writer, const PlannedJob& message);
Written<fb::ListPlans> write(Writer& writer, const ListPlans& message);
Written<fb::GetPlan> write(Writer& writer, const GetPlan& message);
Written<fb::PlanPage> write(Writer& writer, const PlanPage& message);
Written<fb::PlanDetails> write(Writer& writer, const PlanDetails& message);

}  // namespace berth::wire
