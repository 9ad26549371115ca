#pragma once

#include "net/http/json_schema.h"

/// What the answers about plans look like (net/forms/plan_shapes.h), for the document.
namespace berth::net::v1 {

extern const JsonSchema kPlanPageSchema;
extern const JsonSchema kPlanDetailsSchema;

}  // namespace berth::net::v1
