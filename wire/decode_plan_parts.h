#pragma once

#include "wire/plan_messages.h"
#include "wire/reader.h"

/// One `read` for every table about plans, as decode_parts.h has them. Private to wire/*.cc.
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

void read(const fb::CostTerm& from, Reader& reader, CostTerm& to);
void read(const fb::PlanCost& from, Reader& reader, PlanCost& to);
void read(const fb::PlanDiff& from, Reader& reader, PlanDiff& to);
void read(const fb::PlanRow& from, Reader& reader, PlanRow& to);
void read(const fb::PlannerHealth& from, Reader& reader, PlannerHealth& to);
void read(const fb::PlannedJob& from, Reader& reader, PlannedJob& to);
void read(const fb::ListPlans& from, Reader& reader, ListPlans& to);
void read(const fb::GetPlan& from, Reader& reader, GetPlan& to);
void read(const fb::PlanPage& from, Reader& reader, PlanPage& to);
void read(const fb::PlanDetails& from, Reader& reader, PlanDetails& to);

}  // namespace berth::wire
