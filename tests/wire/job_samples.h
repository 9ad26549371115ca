#pragma once

#include <vector>

#include "tests/wire/samples.h"
#include "wire/job_messages.h"

/// The messages about jobs among `all_samples`.
namespace berth::wire {

/// With every field filled.
const JobSpec& sample_spec();

std::vector<Sample> job_request_samples();
std::vector<Sample> job_reply_samples();

}  // namespace berth::wire
