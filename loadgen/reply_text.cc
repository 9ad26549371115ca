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
