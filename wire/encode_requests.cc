#include "berth_generated.h"

#include "wire/encode_parts.h"

namespace berth::wire {
namespace {

bool is_default(const Usage& usage) {
  return usage.cpu_milli == 0 && usage.memory_mib == 0 && usage.gpu_milli == 0;
}

bool is_default(const Capacity& capacity) {
  return capacity.slots == 0 && capacity.cpu_milli == 0 && capacity.memory_mib == 0 &&
         capacity.disk_mib == 0 && capacity.network_mbit == 0 && capacity.gpu_models.empty() &&
         capacity.custom.empty();
}

bool is_default(const Demand& demand) {
  return demand.slots == 1 && demand.cpu_milli == 0 && demand.memory_mib == 0 &&
         demand.disk_mib == 0 && demand.network_mbit == 0 && demand.gpu_count == 0 &&
         demand.gpu_milli == 0 && demand.gpu_models.empty() && demand.custom.empty();
}

bool is_default(const Requirements& requirements) {
  return requirements.all_tags.empty() && requirements.any_tags.empty() &&
         requirements.none_tags.empty() && requirements.affinity.empty() &&
         requirements.anti_affinity.empty() && requirements.spread_by.empty() &&
         requirements.exclude_workers.empty();
}

}  // namespace

Written<fb::Label> write(Writer& writer, const Label& label) {
  const auto key = writer.text(label.key);
  const auto value = writer.text(label.value);
  return fb::CreateLabel(writer.builder, key, value);
}

Written<fb::NamedAmount> write(Writer& writer, const NamedAmount& amount) {
  const auto name = writer.text(amount.name);
  return fb::CreateNamedAmount(writer.builder, name, amount.amount);
}

Written<fb::Capacity> write(Writer& writer, const Capacity& capacity) {
  if (is_default(capacity)) return {};
  const auto gpu_models = writer.texts(capacity.gpu_models);
  const auto custom = writer.rows<fb::NamedAmount>(capacity.custom);
  return fb::CreateCapacity(
      writer.builder,
      capacity.slots,
      capacity.cpu_milli,
      capacity.memory_mib,
      capacity.disk_mib,
      capacity.network_mbit,
      gpu_models,
      custom);
}

Written<fb::Hello> write(Writer& writer, const Hello& hello) {
  const auto identity = writer.text(hello.identity);
  const auto token = writer.text(hello.token);
  const auto software = writer.text(hello.software);
  return fb::CreateHello(
      writer.builder,
      hello.magic,
      hello.version,
      static_cast<fb::Role>(hello.role),
      identity,
      token,
      software);
}

Written<fb::Ping> write(Writer& writer, const Ping& ping) {
  return fb::CreatePing(writer.builder, ping.payload);
}

Written<fb::Heartbeat> write(Writer& writer, const Heartbeat& beat) {
  const auto worker = writer.text(beat.worker);
  const auto address = writer.text(beat.address);
  const auto tags = writer.texts(beat.tags);
  const auto labels = writer.rows<fb::Label>(beat.labels);
  const auto capacity = write(writer, beat.capacity);
  const auto agent_version = writer.text(beat.agent_version);
  const auto running_tasks = writer.texts(beat.running_tasks);
  const fb::Usage usage(beat.usage.cpu_milli, beat.usage.memory_mib, beat.usage.gpu_milli);
  return fb::CreateHeartbeat(
      writer.builder,
      worker,
      beat.epoch,
      beat.sequence,
      beat.has_profile,
      address,
      tags,
      labels,
      capacity,
      agent_version,
      beat.current_tasks,
      beat.has_running,
      running_tasks,
      is_default(beat.usage) ? nullptr : &usage,
      beat.leaving,
      beat.offline_after_ms,
      beat.counts_all);
}

Written<fb::Demand> write(Writer& writer, const Demand& demand) {
  if (is_default(demand)) return {};
  const auto gpu_models = writer.texts(demand.gpu_models);
  const auto custom = writer.rows<fb::NamedAmount>(demand.custom);
  return fb::CreateDemand(
      writer.builder,
      demand.slots,
      demand.cpu_milli,
      demand.memory_mib,
      demand.disk_mib,
      demand.network_mbit,
      demand.gpu_count,
      demand.gpu_milli,
      gpu_models,
      custom);
}

Written<fb::Requirements> write(Writer& writer, const Requirements& requirements) {
  if (is_default(requirements)) return {};
  const auto all_tags = writer.texts(requirements.all_tags);
  const Writer::Groups any_tags = writer.groups(requirements.any_tags);
  const auto none_tags = writer.texts(requirements.none_tags);
  const auto affinity = writer.rows<fb::Label>(requirements.affinity);
  const auto anti_affinity = writer.rows<fb::Label>(requirements.anti_affinity);
  const auto spread_by = writer.text(requirements.spread_by);
  const auto exclude_workers = writer.texts(requirements.exclude_workers);
  return fb::CreateRequirements(
      writer.builder,
      all_tags,
      any_tags.strings,
      any_tags.sizes,
      none_tags,
      affinity,
      anti_affinity,
      spread_by,
      exclude_workers);
}

Written<fb::Place> write(Writer& writer, const Place& place) {
  const auto task = writer.text(place.task);
  const auto demand = write(writer, place.demand);
  const auto requirements = write(writer, place.requirements);
  return fb::CreatePlace(
      writer.builder,
      task,
      static_cast<fb::Policy>(place.policy),
      demand,
      requirements,
      place.priority,
      place.hold_ms,
      place.wait_ms,
      place.explain);
}

Written<fb::Release> write(Writer& writer, const Release& release) {
  const auto reservations = writer.numbers(release.reservations);
  const auto tasks = writer.texts(release.tasks);
  return fb::CreateRelease(writer.builder, reservations, tasks);
}

Written<fb::ListWorkers> write(Writer& writer, const ListWorkers& list) {
  const auto tags = writer.texts(list.tags);
  return fb::CreateListWorkers(writer.builder, tags, list.cursor, list.limit);
}

Written<fb::ShowWorker> write(Writer& writer, const ShowWorker& show) {
  const auto worker = writer.text(show.worker);
  return fb::CreateShowWorker(writer.builder, worker);
}

Written<fb::SetWorker> write(Writer& writer, const SetWorker& set) {
  const auto worker = writer.text(set.worker);
  const auto reason = writer.text(set.reason);
  return fb::CreateSetWorker(
      writer.builder, worker, static_cast<fb::WorkerAction>(set.action), reason);
}

Written<fb::GetStats> write(Writer& writer, const GetStats&) {
  return fb::CreateGetStats(writer.builder);
}

Written<fb::ListTags> write(Writer& writer, const ListTags&) {
  return fb::CreateListTags(writer.builder);
}

Written<fb::Watch> write(Writer& writer, const Watch& watch) {
  return fb::CreateWatch(writer.builder, watch.enable);
}

}  // namespace berth::wire
