// Frames for the end-to-end tests, which are written in Python and have no FlatBuffers there.
//
// One JSON object per line in, one per line out. A request becomes the bytes of its frame:
//   {"id": 7, "kind": "Ping", "payload": 5}     →  {"frame": "18000000..."}
// and the bytes of replies become objects; what is left of a half-arrived frame comes back:
//   {"decode": "18000000..."}                   →  {"replies": [{"id": 7, "kind": "Pong", ...}],
//   "rest": ""}
//
// It encodes whatever it is told, however absurd: a text may be {"hex": "ff00"} and a number may be
// "nan" or "inf", which JSON has no words for.

#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/e2e/frame_fields.h"
#include "tests/e2e/job_frames.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"

namespace {

using namespace berth;
using namespace berth::e2e;

constexpr uint32_t kAnyFrameBytes = 64u << 20;

std::string to_hex(std::span<const std::byte> bytes) {
  static const char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (std::byte b : bytes) {
    hex.push_back(kDigits[std::to_integer<int>(b) >> 4]);
    hex.push_back(kDigits[std::to_integer<int>(b) & 15]);
  }
  return hex;
}

wire::Capacity capacity_of(Fields f) {
  return {
      .slots = f.number<int64_t>("slots", 0),
      .cpu_milli = f.number<int64_t>("cpu_milli", 0),
      .memory_mib = f.number<int64_t>("memory_mib", 0),
      .disk_mib = f.number<int64_t>("disk_mib", 0),
      .network_mbit = f.number<int64_t>("network_mbit", 0),
      .gpu_models = f.texts("gpu_models"),
      .custom = f.amounts("custom")};
}

wire::Usage usage_of(Fields f) {
  return {
      .cpu_milli = f.number<double>("cpu_milli", 0),
      .memory_mib = f.number<double>("memory_mib", 0),
      .gpu_milli = f.number<double>("gpu_milli", 0)};
}

wire::Heartbeat heartbeat_of(Fields f) {
  return {
      .worker = f.text("worker"),
      .epoch = f.number<uint64_t>("epoch", 1),
      .sequence = f.number<uint64_t>("sequence", 1),
      .has_profile = f.flag("has_profile", true),
      .address = f.text("address"),
      .tags = f.texts("tags"),
      .labels = f.labels("labels"),
      .capacity = capacity_of(f.inside("capacity")),
      .agent_version = f.text("agent_version"),
      .current_tasks = f.number<int64_t>("current_tasks", 0),
      .has_running = f.flag("has_running"),
      .running_tasks = f.texts("running_tasks"),
      .usage = usage_of(f.inside("usage")),
      .leaving = f.flag("leaving")};
}

wire::Place place_of(Fields f) {
  return {
      .task = f.text("task"),
      .policy = static_cast<wire::Policy>(f.number<int>("policy", 0)),
      .demand = demand_of(f.inside("demand")),
      .requirements = requirements_of(f),
      .priority = f.number<int32_t>("priority", 0),
      .hold_ms = f.number<uint32_t>("hold_ms", 0),
      .wait_ms = f.number<uint32_t>("wait_ms", 0),
      .explain = f.flag("explain")};
}

wire::Request request_of(const std::string& kind, Fields f) {
  if (kind == "Hello") {
    return wire::Hello{
        .magic = f.number<uint32_t>("magic", wire::kMagic),
        .version = f.number<uint16_t>("version", wire::kProtocolVersion),
        .role = static_cast<wire::Role>(f.number<int>("role", 0)),
        .identity = f.text("identity"),
        .token = f.text("token"),
        .software = f.text("software")};
  }
  if (kind == "Ping") return wire::Ping{.payload = f.number<uint64_t>("payload", 0)};
  if (kind == "Heartbeat") return heartbeat_of(f);
  if (kind == "Place") return place_of(f);
  if (kind == "Release") {
    return wire::Release{.reservations = f.numbers("reservations"), .tasks = f.texts("tasks")};
  }
  if (kind == "ListWorkers") {
    return wire::ListWorkers{
        .tags = f.texts("tags"),
        .cursor = f.number<uint64_t>("cursor", 0),
        .limit = f.number<uint32_t>("limit", 0)};
  }
  if (kind == "ShowWorker") return wire::ShowWorker{.worker = f.text("worker")};
  if (kind == "SetWorker") {
    return wire::SetWorker{
        .worker = f.text("worker"),
        .action = static_cast<wire::WorkerAction>(f.number<int>("action", 0)),
        .reason = f.text("reason")};
  }
  if (kind == "GetStats") return wire::GetStats{};
  if (kind == "ListTags") return wire::ListTags{};
  if (kind == "Watch") return wire::Watch{.enable = f.flag("enable", true)};
  return job_request_of(kind, f);
}

json explanation_json(const wire::Explanation& explanation) {
  json eliminated = json::object();
  for (const wire::Elimination& e : explanation.eliminated) {
    eliminated[std::string(e.requirement)] = e.workers;
  }
  return {
      {"workers", explanation.workers},
      {"eligible", explanation.eligible},
      {"eliminated", eliminated},
      {"queue_position", explanation.queue_position}};
}

/// Each kind of reply as an object with the fields that the tests look at.
struct ToJson {
  json operator()(const wire::Welcome& m) const {
    return {
        {"kind", "Welcome"},
        {"version", m.version},
        {"software", m.software},
        {"epoch", m.epoch},
        {"max_frame_bytes", m.max_frame_bytes},
        {"suspicious_after_ms", m.suspicious_after_ms},
        {"offline_after_ms", m.offline_after_ms}};
  }
  json operator()(const wire::Refused& m) const {
    return {{"kind", "Refused"}, {"code", static_cast<int>(m.code)}, {"message", m.message}};
  }
  json operator()(const wire::Pong& m) const { return {{"kind", "Pong"}, {"payload", m.payload}}; }
  json operator()(const wire::HeartbeatReply& m) const {
    return {
        {"kind", "HeartbeatReply"},
        {"accepted", m.accepted},
        {"code", static_cast<int>(m.code)},
        {"message", m.message},
        {"drain", m.drain},
        {"resend_profile", m.resend_profile}};
  }
  json operator()(const wire::Placed& m) const {
    return {
        {"kind", "Placed"},
        {"worker", m.worker},
        {"address", m.address},
        {"reservation", m.reservation.value},
        {"expires_in_ms", m.expires_in_ms},
        {"gpus", std::vector<uint16_t>(m.gpus.begin(), m.gpus.end())},
        {"load", m.load},
        {"repeated", m.repeated},
        {"explanation", explanation_json(m.explanation)}};
  }
  json operator()(const wire::Unplaced& m) const {
    return {
        {"kind", "Unplaced"},
        {"reason", static_cast<int>(m.reason)},
        {"explanation", explanation_json(m.explanation)}};
  }
  json operator()(const wire::Released& m) const {
    return {{"kind", "Released"}, {"released", m.released}, {"unknown", m.unknown}};
  }
  json operator()(const wire::WorkerPage& m) const {
    json rows = json::array();
    for (const wire::WorkerRow& row : m.rows) {
      rows.push_back(
          {{"id", row.id},
           {"status", static_cast<int>(row.status)},
           {"draining", row.draining},
           {"held_slots", row.held_slots},
           {"reported_tasks", row.reported_tasks}});
    }
    return {
        {"kind", "WorkerPage"}, {"rows", rows}, {"next_cursor", m.next_cursor}, {"total", m.total}};
  }
  json operator()(const wire::Done&) const { return {{"kind", "Done"}}; }
  json operator()(const wire::StatsReply& m) const {
    json total = json::object();
    for (const wire::Stat& stat : m.stats) {
      if (stat.shard >= 0) continue;  // a part of what stands under -1 already
      std::string name(stat.name);
      total[name] = total.value(name, 0.0) + stat.value;
    }
    return {{"kind", "StatsReply"}, {"stats", total}};
  }
  json operator()(const wire::TagPage& m) const {
    json tags = json::object();
    for (const wire::TagCount& tag : m.tags)
      tags[std::string(tag.tag)] = tag.workers;
    return {{"kind", "TagPage"}, {"tags", tags}};
  }
  json operator()(const wire::WorkerEvent& m) const {
    return {
        {"kind", "WorkerEvent"},
        {"worker", m.worker},
        {"change", static_cast<int>(m.change)},
        {"reason", m.reason}};
  }
  template <typename AboutJobs>
  json operator()(const AboutJobs& m) const {
    return job_reply_json(m);
  }
};

json encode(wire::Encoder& encoder, const json& line) {
  std::vector<std::byte> bytes;
  wire::RequestId id{line.value("id", 1u)};
  encoder.encode(id, request_of(line["kind"], Fields(line)), bytes);
  Fields::clear();
  return {{"frame", to_hex(bytes)}};
}

json decode(wire::Decoder& decoder, const std::string& bytes) {
  // A vector of words keeps the first frame aligned, and so all of them.
  std::vector<uint64_t> aligned(bytes.size() / 8 + 1);
  std::memcpy(aligned.data(), bytes.data(), bytes.size());
  std::span<const std::byte> rest = std::as_bytes(std::span(aligned)).first(bytes.size());
  json replies = json::array();
  wire::Frame frame;
  size_t frame_bytes = 0;
  while (!rest.empty()) {
    wire::FrameStatus status = wire::next_frame(rest, kAnyFrameBytes, frame, frame_bytes);
    if (status == wire::FrameStatus::NeedMore) break;
    if (status != wire::FrameStatus::Ok) throw std::runtime_error("the server sent a bad frame");
    wire::Reply reply;
    if (decoder.decode(frame.payload, reply) != wire::DecodeStatus::Ok) {
      throw std::runtime_error("the server sent a frame that cannot be decoded");
    }
    json object = std::visit(ToJson{}, reply);
    object["id"] = frame.request.value;
    replies.push_back(std::move(object));
    rest = rest.subspan(frame_bytes);
  }
  return {{"replies", replies}, {"rest", to_hex(rest)}};
}

}  // namespace

int main() {
  wire::Encoder encoder;
  wire::Decoder decoder;
  std::string line;
  while (std::getline(std::cin, line)) {
    json answer;
    try {
      json question = json::parse(line);
      answer = question.contains("decode") ? decode(decoder, from_hex(question["decode"]))
                                           : encode(encoder, question);
    } catch (const std::exception& e) {
      answer = {{"error", e.what()}};
    }
    // Texts of the server may hold anything; replaced bytes are as good for a test.
    std::cout << answer.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
  }
  return 0;
}
