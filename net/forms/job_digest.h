#pragma once

#include <cstdint>
#include <span>

#include "net/forms/job_fields.h"

namespace berth::forms {

/// For SubmitJobs: what was asked for when times were written as `+1h`, which is the same in every
/// try and by command line and HTTP. 0 when there is none: the specs say it all.
uint64_t digest_as_written(std::span<const JobDraft> drafts);

}  // namespace berth::forms
