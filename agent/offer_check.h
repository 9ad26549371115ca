#pragma once

#include <string>
#include <vector>

#include "core/base/arena.h"
#include "wire/job_messages.h"
#include "wire/spec.h"

namespace berth::agent {

/// Whether this worker can do what an assignment asks for.
///
/// Threads  one
class OfferCheck {
 public:
  /// `runners` are those that work here.
  explicit OfferCheck(std::vector<wire::Runner> runners) : runners_(std::move(runners)) {}

  /// One sentence; empty: nothing is wrong with it.
  std::string problem_of(const wire::Assignment& assignment);

 private:
  std::string runner_problem(const wire::JobSpec& spec) const;

  const std::vector<wire::Runner> runners_;
  wire::SpecDecoder decoder_;
  core::Arena text_;
};

}  // namespace berth::agent
