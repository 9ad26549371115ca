#include "agent/offer_check.h"

#include <algorithm>

namespace berth::agent {

namespace {

const char* name_of(wire::Runner runner) {
  switch (runner) {
    case wire::Runner::Process: return "process";
    case wire::Runner::Sandbox: return "sandbox";
    case wire::Runner::Container: return "container";
    case wire::Runner::Any: break;
  }
  return "any";
}

}  // namespace

std::string OfferCheck::problem_of(const wire::Assignment& assignment) {
  wire::JobSpec spec;
  if (decoder_.decode(assignment.spec, spec) != wire::DecodeStatus::Ok) {
    return "its spec of " + std::to_string(assignment.spec.size()) +
           " bytes cannot be read by this agent; run the server's version of it";
  }
  return runner_problem(spec);
}

/// `any` means a container where there is an image, and otherwise whatever runs a command.
std::string OfferCheck::runner_problem(const wire::JobSpec& spec) const {
  auto works = [this](wire::Runner runner) {
    return std::find(runners_.begin(), runners_.end(), runner) != runners_.end();
  };
  wire::Runner wanted = spec.runner;
  if (wanted == wire::Runner::Any && !spec.image.empty()) wanted = wire::Runner::Container;
  bool can = wanted == wire::Runner::Any
                 ? works(wire::Runner::Process) || works(wire::Runner::Sandbox)
                 : works(wanted);
  if (can) return {};
  return std::string("runner ") + name_of(wanted) +
         " does not work on this worker; its log and `berth worker show` say why";
}

}  // namespace berth::agent
