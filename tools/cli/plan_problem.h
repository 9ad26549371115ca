#pragma once

#include <string>
#include <string_view>

#include "core/plan/problem.h"

namespace berth::cli {

/// A problem file (JSON; docs/planning.md has the keys) to a problem without fault. False: `fault`
/// is one sentence that names where, what and the remedy.
bool read_problem(std::string_view text, core::Problem& problem, std::string& fault);

/// Seconds as they stand in the file.
double seconds_of(core::Ticks ticks);

}  // namespace berth::cli
