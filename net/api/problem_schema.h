#pragma once

#include "net/http/json_schema.h"

namespace berth::net {

/// What `write_problem` writes, for the document.
extern const JsonSchema kProblemSchema;

/// What `write_explanation` writes.
extern const JsonSchema kExplanationSchema;

}  // namespace berth::net
