#include "net/client/answers.h"

#include "wire/tokens.h"

namespace berth::client {
namespace {

Capacity to_owned(const wire::Capacity& from) {
  return {
      .slots = from.slots,
      .cpu_milli = from.cpu_milli,
      .memory_mib = from.memory_mib,
      .disk_mib = from.disk_mib,
      .network_mbit = from.network_mbit,
      .gpu_models = owned(from.gpu_models),
      .custom = owned(from.custom),
  };
}

Worker to_owned(const wire::WorkerRow& from) {
  Worker to{
      .id = std::string(from.id),
      .address = std::string(from.address),
      .tags = owned(from.tags),
      .labels = owned(from.labels),
      .capacity = to_owned(from.capacity),
      .free = to_owned(from.free),
      .status = static_cast<WorkerStatus>(from.status),
      .cordoned = from.cordoned,
      .draining = from.draining,
      .reason = std::string(from.reason),
      .heartbeat_age = Milliseconds(from.heartbeat_age_ms),
      .cooldown = Milliseconds(from.cooldown_ms),
      .reported_tasks = from.reported_tasks,
      .held_slots = from.held_slots,
      .load = from.load,
      .usage = {from.usage.cpu_milli, from.usage.memory_mib, from.usage.gpu_milli},
      .agent_version = std::string(from.agent_version),
  };
  for (const wire::GpuDevice& gpu : from.gpus) {
    to.gpus.push_back({std::string(gpu.model), gpu.free_milli});
  }
  return to;
}

Placement to_owned(const wire::Placed& from) {
  return {
      .worker = std::string(from.worker),
      .address = std::string(from.address),
      .reservation = from.reservation.value,
      .expires_in = Milliseconds(from.expires_in_ms),
      .gpus = {from.gpus.begin(), from.gpus.end()},
      .load = from.load,
      .repeated = from.repeated,
      .explanation = owned(from.explanation),
  };
}

WorkerPage to_owned(const wire::WorkerPage& from) {
  WorkerPage to{.next_cursor = from.next_cursor, .total = from.total};
  to.workers.reserve(from.rows.size());
  for (const wire::WorkerRow& row : from.rows)
    to.workers.push_back(to_owned(row));
  return to;
}

std::vector<Stat> to_owned(const wire::StatsReply& from) {
  std::vector<Stat> to;
  to.reserve(from.stats.size());
  for (const wire::Stat& stat : from.stats) {
    to.push_back({std::string(stat.name), stat.shard, stat.value});
  }
  return to;
}

std::vector<TagCount> to_owned(const wire::TagPage& from) {
  std::vector<TagCount> to;
  to.reserve(from.tags.size());
  for (const wire::TagCount& each : from.tags)
    to.push_back({std::string(each.tag), each.workers});
  return to;
}

Done to_owned(const wire::Done&) {
  return {};
}
Released to_owned(const wire::Released& from) {
  return {from.released, from.unknown};
}
HeartbeatAnswer to_owned(const wire::HeartbeatReply& from) {
  return {from.server_time_ms, from.drain, from.resend_profile};
}

Error unplaced_error(const wire::Unplaced& from) {
  Error error{.code = ErrorCode::CannotBePlaced, .no_place = static_cast<NoPlace>(from.reason)};
  switch (from.reason) {
    case wire::NoPlace::NoWorkers: error.message = "no worker is registered"; break;
    case wire::NoPlace::Eliminated: error.message = "no worker meets every requirement"; break;
    case wire::NoPlace::TimedOut:
      error.message = "no worker became free within the time to wait";
      break;
    case wire::NoPlace::QueueFull:
      error.message = "the queue of waiting requests is full; ask again later";
      break;
  }
  error.explanation = owned(from.explanation);
  return error;
}

template <typename T, typename Wire>
Result<T> converted(const wire::Reply& reply) {
  if (const Wire* found = std::get_if<Wire>(&reply)) return to_owned(*found);
  return unexpected_error(reply);
}

}  // namespace

Explanation owned(const wire::Explanation& from) {
  Explanation to{.workers = from.workers, .eligible = from.eligible};
  to.eliminated.reserve(from.eliminated.size());
  for (const wire::Elimination& each : from.eliminated) {
    to.eliminated.push_back(
        {std::string(each.requirement), each.workers, each.asked, each.largest});
  }
  to.queue_position = from.queue_position;
  return to;
}

std::vector<std::string> owned(wire::TextList from) {
  return {from.begin(), from.end()};
}

std::vector<Label> owned(std::span<const wire::Label> from) {
  std::vector<Label> to;
  to.reserve(from.size());
  for (const wire::Label& label : from)
    to.push_back({std::string(label.key), std::string(label.value)});
  return to;
}

std::vector<NamedAmount> owned(std::span<const wire::NamedAmount> from) {
  std::vector<NamedAmount> to;
  for (const wire::NamedAmount& each : from)
    to.push_back({std::string(each.name), each.amount});
  return to;
}

Error unexpected_error(const wire::Reply& reply) {
  if (const auto* no = std::get_if<wire::Refused>(&reply)) {
    return refused_error(no->code, no->message);
  }
  if (const auto* no = std::get_if<wire::Unplaced>(&reply)) return unplaced_error(*no);
  return {
      .code = ErrorCode::Protocol,
      .message = "the server answered with another kind of message; its version may differ"};
}

Error refused_error(wire::Refusal code, wire::Text message) {
  Error error{.code = ErrorCode::Refused, .refusal = static_cast<Refusal>(code)};
  error.message = message.empty() ? "the server refused: " + std::string(wire::refusal_token(code))
                                  : std::string(message);
  return error;
}

template <>
Result<Placement> answer_from(const wire::Reply& reply) {
  return converted<Placement, wire::Placed>(reply);
}

template <>
Result<Released> answer_from(const wire::Reply& reply) {
  return converted<Released, wire::Released>(reply);
}

template <>
Result<HeartbeatAnswer> answer_from(const wire::Reply& reply) {
  const auto* beat = std::get_if<wire::HeartbeatReply>(&reply);
  if (beat != nullptr && !beat->accepted) return refused_error(beat->code, beat->message);
  return converted<HeartbeatAnswer, wire::HeartbeatReply>(reply);
}

template <>
Result<WorkerPage> answer_from(const wire::Reply& reply) {
  return converted<WorkerPage, wire::WorkerPage>(reply);
}

template <>
Result<Worker> answer_from(const wire::Reply& reply) {
  // One worker is a page of one.
  Result<WorkerPage> page = converted<WorkerPage, wire::WorkerPage>(reply);
  if (!page) return page.error();
  if (page->workers.size() != 1) {
    return refused_error(wire::Refusal::NotFound, "there is no such worker");
  }
  return std::move(page.value().workers.front());
}

template <>
Result<Done> answer_from(const wire::Reply& reply) {
  return converted<Done, wire::Done>(reply);
}

template <>
Result<std::vector<Stat>> answer_from(const wire::Reply& reply) {
  return converted<std::vector<Stat>, wire::StatsReply>(reply);
}

template <>
Result<std::vector<TagCount>> answer_from(const wire::Reply& reply) {
  return converted<std::vector<TagCount>, wire::TagPage>(reply);
}

}  // namespace berth::client
