#include "agent/offer_check.h"

#include <algorithm>

#include "core/jobs/check_spec.h"

namespace berth::agent {

std::string OfferCheck::problem_of(const wire::Assignment& assignment) {
  wire::JobSpec spec;
  if (decoder_.decode(assignment.spec, spec) != wire::DecodeStatus::Ok) {
    return "its spec of " + std::to_string(assignment.spec.size()) +
           " bytes cannot be read by this agent; run the server's version of it";
  }
  text_.clear();
  std::string_view problem;
  if (!core::check_spec(spec, text_, problem)) return std::string(problem);
  return runner_problem(spec);
}

std::string OfferCheck::runner_problem(const wire::JobSpec& spec) const {
  auto works = [this](wire::Runner runner) {
    return std::find(runners_.begin(), runners_.end(), runner) != runners_.end();
  };
  wire::Runner wanted = spec.runner;
  if (wanted == wire::Runner::Any && !spec.image.empty()) wanted = wire::Runner::Container;
  if (wanted == wire::Runner::Any) {
    if (works(wire::Runner::Process) || works(wire::Runner::Sandbox)) return {};
    return "no runner works on this worker; its log and `berth worker show` say why";
  }
  if (works(wanted)) return {};
  return std::string(core::runner_tag(wanted)) +
         " does not work on this worker; its log and `berth worker show` say why";
}

}  // namespace berth::agent
