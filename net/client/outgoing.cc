#include "net/client/outgoing.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "wire/frame.h"

namespace berth::client {

uint32_t to_wire_ms(Milliseconds duration) {
  constexpr int64_t kMost = std::numeric_limits<uint32_t>::max();
  return static_cast<uint32_t>(std::clamp<int64_t>(duration.count(), 0, kMost));
}

Outgoing& outgoing() {
  thread_local Outgoing mine;
  return mine;
}

void set_request_id(std::vector<std::byte>& frame, wire::RequestId id) {
  const uint32_t value = id.value;
  const std::byte bytes[] = {
      std::byte(value), std::byte(value >> 8), std::byte(value >> 16), std::byte(value >> 24)};
  std::memcpy(frame.data() + 4, bytes, sizeof(bytes));
}

// Spans point into these vectors, so they must not grow while one message is gathered.
void Outgoing::reset(size_t texts, size_t labels, size_t amounts) {
  texts_.clear();
  labels_.clear();
  amounts_.clear();
  texts_.reserve(texts);
  labels_.reserve(labels);
  amounts_.reserve(amounts);
}

wire::TextList Outgoing::texts(const std::vector<std::string>& from) {
  const size_t first = texts_.size();
  texts_.insert(texts_.end(), from.begin(), from.end());
  return {texts_.data() + first, from.size()};
}

std::span<const wire::Label> Outgoing::labels(const std::vector<Label>& from) {
  const size_t first = labels_.size();
  for (const Label& label : from)
    labels_.push_back({label.key, label.value});
  return {labels_.data() + first, from.size()};
}

std::span<const wire::NamedAmount> Outgoing::amounts(const std::vector<NamedAmount>& from) {
  const size_t first = amounts_.size();
  for (const NamedAmount& each : from)
    amounts_.push_back({each.name, each.amount});
  return {amounts_.data() + first, from.size()};
}

wire::Capacity Outgoing::capacity(const Capacity& from) {
  return {
      .slots = from.slots,
      .cpu_milli = from.cpu_milli,
      .memory_mib = from.memory_mib,
      .disk_mib = from.disk_mib,
      .network_mbit = from.network_mbit,
      .gpu_models = texts(from.gpu_models),
      .custom = amounts(from.custom),
  };
}

wire::Demand Outgoing::demand(const Demand& from) {
  return {
      .slots = from.slots,
      .cpu_milli = from.cpu_milli,
      .memory_mib = from.memory_mib,
      .disk_mib = from.disk_mib,
      .network_mbit = from.network_mbit,
      .gpu_count = from.gpu_count,
      .gpu_milli = from.gpu_milli,
      .gpu_models = texts(from.gpu_models),
      .custom = amounts(from.custom),
  };
}

void Outgoing::gather_groups(const std::vector<std::vector<std::string>>& from) {
  groups_.clear();
  for (const std::vector<std::string>& group : from)
    groups_.push_back(texts(group));
}

void Outgoing::encode(const wire::Request& request, std::vector<std::byte>& frame) {
  frame.clear();
  encoder_.encode({0}, request, frame);
}

void Outgoing::place(const PlaceRequest& request, std::vector<std::byte>& frame) {
  size_t names = request.all_tags.size() + request.none_tags.size() +
                 request.exclude_workers.size() + request.demand.gpu_models.size();
  for (const std::vector<std::string>& group : request.any_tags)
    names += group.size();
  reset(
      names, request.affinity.size() + request.anti_affinity.size(), request.demand.custom.size());
  gather_groups(request.any_tags);
  wire::Place place{.task = request.task, .policy = static_cast<wire::Policy>(request.policy)};
  place.demand = demand(request.demand);
  place.requirements = {
      .all_tags = texts(request.all_tags),
      .any_tags = groups_,
      .none_tags = texts(request.none_tags),
      .affinity = labels(request.affinity),
      .anti_affinity = labels(request.anti_affinity),
      .spread_by = request.spread_by,
      .exclude_workers = texts(request.exclude_workers),
  };
  place.priority = request.priority;
  place.hold_ms = to_wire_ms(request.hold);
  place.wait_ms = to_wire_ms(request.wait);
  place.explain = request.explain;
  encode(place, frame);
}

void Outgoing::release(const ReleaseRequest& request, std::vector<std::byte>& frame) {
  reset(request.tasks.size(), 0, 0);
  encode(wire::Release{.reservations = request.reservations, .tasks = texts(request.tasks)}, frame);
}

void Outgoing::heartbeat(const Heartbeat& beat, std::vector<std::byte>& frame) {
  const Profile none;
  const Profile& profile = beat.profile ? *beat.profile : none;
  const size_t running = beat.running_tasks ? beat.running_tasks->size() : 0;
  reset(
      profile.tags.size() + profile.capacity.gpu_models.size() + running,
      profile.labels.size(),
      profile.capacity.custom.size());
  wire::Heartbeat out{
      .worker = beat.worker,
      .epoch = beat.epoch,
      .sequence = beat.sequence,
      .has_profile = beat.profile.has_value(),
      .address = profile.address,
      .tags = texts(profile.tags),
      .labels = labels(profile.labels),
      .capacity = capacity(profile.capacity),
      .agent_version = profile.agent_version,
      .current_tasks = beat.current_tasks,
      .has_running = beat.running_tasks.has_value(),
  };
  if (beat.running_tasks) out.running_tasks = texts(*beat.running_tasks);
  out.usage = {beat.usage.cpu_milli, beat.usage.memory_mib, beat.usage.gpu_milli};
  out.leaving = beat.leaving;
  encode(out, frame);
}

void Outgoing::list_workers(const ListRequest& request, std::vector<std::byte>& frame) {
  reset(request.tags.size(), 0, 0);
  encode(
      wire::ListWorkers{
          .tags = texts(request.tags), .cursor = request.cursor, .limit = request.limit},
      frame);
}

}  // namespace berth::client
