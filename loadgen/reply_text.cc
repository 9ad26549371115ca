#include "loadgen/reply_text.h"

#include "wire/tokens.h"

namespace berth::loadgen {
namespace {

struct Describe {
  std::string operator()(const wire::Welcome&) const { return "a welcome"; }
  std::string operator()(const wire::Refused& m) const { return describe(m.code, m.message); }
  std::string operator()(const wire::Pong&) const { return "a pong"; }
  std::string operator()(const wire::HeartbeatReply& m) const {
    return m.accepted ? "an accepted heartbeat" : "a heartbeat " + describe(m.code, m.message);
  }
  std::string operator()(const wire::Placed& m) const {
    return (m.repeated ? "a repeated placement on " : "a placement on ") + std::string(m.worker);
  }
  std::string operator()(const wire::Unplaced& m) const {
    return "no place (" + std::string(wire::no_place_token(m.reason)) + ")";
  }
  std::string operator()(const wire::Released& m) const {
    return std::to_string(m.released) + " released and " + std::to_string(m.unknown) + " unknown";
  }
  std::string operator()(const wire::WorkerPage&) const { return "a page of workers"; }
  std::string operator()(const wire::Done&) const { return "done"; }
  std::string operator()(const wire::StatsReply&) const { return "statistics"; }
  std::string operator()(const wire::TagPage&) const { return "a page of tags"; }
  std::string operator()(const wire::WorkerEvent&) const { return "a worker event"; }
  std::string operator()(const wire::JobsSubmitted& m) const {
    return std::to_string(m.jobs.size()) + (m.repeated ? " jobs again" : " jobs submitted");
  }
  std::string operator()(const wire::JobPage&) const { return "a page of jobs"; }
  std::string operator()(const wire::JobDetails& m) const {
    return "job " + std::to_string(m.row.id.value);
  }
  std::string operator()(const wire::JobExplanation& m) const {
    return "an explanation of job " + std::to_string(m.row.id.value);
  }
  std::string operator()(const wire::JobsChanged& m) const {
    return std::to_string(m.changed) + " jobs changed";
  }
  std::string operator()(const wire::JobCounts&) const { return "counts of jobs"; }
  std::string operator()(const wire::JobEvents&) const { return "job events"; }
  std::string operator()(const wire::LogChunk&) const { return "a piece of output"; }
  std::string operator()(const wire::Attached&) const { return "attached"; }
  std::string operator()(const wire::Assignments& m) const {
    return std::to_string(m.items.size()) + " assignments";
  }
  std::string operator()(const wire::Reported& m) const {
    return std::to_string(m.verdicts.size()) + " verdicts";
  }
  std::string operator()(const wire::StopTasks& m) const {
    return std::to_string(m.items.size()) + " tasks to stop";
  }
  std::string operator()(const wire::WantLog&) const { return "a request for output"; }
  std::string operator()(const wire::PlanPage&) const { return "a page of plans"; }
  std::string operator()(const wire::PlanDetails& m) const {
    return "plan " + std::to_string(m.row.id);
  }
};

}  // namespace

std::string describe(const wire::Reply& reply) {
  return std::visit(Describe{}, reply);
}

std::string describe(wire::Refusal code, wire::Text message) {
  std::string text = "refused (" + std::string(wire::refusal_token(code)) + ")";
  if (!message.empty()) text += ": " + std::string(message);
  return text;
}

}  // namespace berth::loadgen
