#pragma once

#include "net/client/job_types.h"
#include "net/forms/json.h"

namespace berth::forms {

/// An event of any kind: `sequence`, `at`, `kind` and what events of this kind have. Those of jobs
/// are as `job_event_json` has them. Of a gap nothing but `gap`.
Json event_json(const client::Event& event);

}  // namespace berth::forms
