#pragma once

#include <string>

#include "core/plan/problem.h"

namespace berth::cli {

/// A problem for other planners: PDDL 2.1 with durative actions and numeric fluents, release times
/// and hard deadlines as timed initial literals (2.2). Every planner of that language reads what is
/// used: no quantifier, no disjunction, no conditional effect.
///
/// Units    seconds, and units of each resource
/// Errors   none: objectives that the language has no word for become `total-time`, and say so in a
///          comment
struct Pddl {
  std::string domain;
  std::string problem;
};

Pddl to_pddl(const core::Problem& problem);

}  // namespace berth::cli
