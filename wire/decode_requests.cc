#include "berth_generated.h"

#include "wire/decode_parts.h"

namespace berth::wire {

void read(const fb::Label& from, Reader&, Label& to) {
  to.key = Reader::text(from.key());
  to.value = Reader::text(from.value());
}

void read(const fb::NamedAmount& from, Reader&, NamedAmount& to) {
  to.name = Reader::text(from.name());
  to.amount = from.amount();
}

void read(const fb::Usage& from, Reader&, Usage& to) {
  to.cpu_milli = from.cpu_milli();
  to.memory_mib = from.memory_mib();
  to.gpu_milli = from.gpu_milli();
}

void read(const fb::Capacity& from, Reader& reader, Capacity& to) {
  to.slots = from.slots();
  to.cpu_milli = from.cpu_milli();
  to.memory_mib = from.memory_mib();
  to.disk_mib = from.disk_mib();
  to.network_mbit = from.network_mbit();
  to.gpu_models = reader.texts(from.gpu_models());
  to.custom = reader.rows<NamedAmount>(from.custom());
}

void read(const fb::Hello& from, Reader& reader, Hello& to) {
  to.magic = from.magic();
  to.version = from.version();
  to.role = reader.enumerator(from.role(), Role::Agent);
  to.identity = Reader::text(from.identity());
  to.token = Reader::text(from.token());
  to.software = Reader::text(from.software());
}

void read(const fb::Ping& from, Reader&, Ping& to) {
  to.payload = from.payload();
}

void read(const fb::Heartbeat& from, Reader& reader, Heartbeat& to) {
  to.worker = Reader::text(from.worker());
  to.epoch = from.epoch();
  to.sequence = from.sequence();
  to.has_profile = from.has_profile();
  to.address = Reader::text(from.address());
  to.tags = reader.texts(from.tags());
  to.labels = reader.rows<Label>(from.labels());
  if (from.capacity() != nullptr) read(*from.capacity(), reader, to.capacity);
  to.agent_version = Reader::text(from.agent_version());
  to.current_tasks = from.current_tasks();
  to.has_running = from.has_running();
  to.running_tasks = reader.texts(from.running_tasks());
  if (from.usage() != nullptr) read(*from.usage(), reader, to.usage);
  to.leaving = from.leaving();
  to.offline_after_ms = from.offline_after_ms();
  to.counts_all = from.counts_all();
}

void read(const fb::Demand& from, Reader& reader, Demand& to) {
  to.slots = from.slots();
  to.cpu_milli = from.cpu_milli();
  to.memory_mib = from.memory_mib();
  to.disk_mib = from.disk_mib();
  to.network_mbit = from.network_mbit();
  to.gpu_count = from.gpu_count();
  to.gpu_milli = from.gpu_milli();
  to.gpu_models = reader.texts(from.gpu_models());
  to.custom = reader.rows<NamedAmount>(from.custom());
}

void read(const fb::Requirements& from, Reader& reader, Requirements& to) {
  to.all_tags = reader.texts(from.all_tags());
  to.any_tags = reader.groups(from.any_tags(), from.any_group_sizes());
  to.none_tags = reader.texts(from.none_tags());
  to.affinity = reader.rows<Label>(from.affinity());
  to.anti_affinity = reader.rows<Label>(from.anti_affinity());
  to.spread_by = Reader::text(from.spread_by());
  to.exclude_workers = reader.texts(from.exclude_workers());
}

void read(const fb::Place& from, Reader& reader, Place& to) {
  to.task = Reader::text(from.task());
  to.policy = reader.enumerator(from.policy(), Policy::Pack);
  if (from.demand() != nullptr) read(*from.demand(), reader, to.demand);
  if (from.requirements() != nullptr) read(*from.requirements(), reader, to.requirements);
  to.priority = from.priority();
  to.hold_ms = from.hold_ms();
  to.wait_ms = from.wait_ms();
  to.explain = from.explain();
}

void read(const fb::Release& from, Reader& reader, Release& to) {
  to.reservations = reader.numbers(from.reservations());
  to.tasks = reader.texts(from.tasks());
}

void read(const fb::ListWorkers& from, Reader& reader, ListWorkers& to) {
  to.tags = reader.texts(from.tags());
  to.cursor = from.cursor();
  to.limit = from.limit();
}

void read(const fb::ShowWorker& from, Reader&, ShowWorker& to) {
  to.worker = Reader::text(from.worker());
}

void read(const fb::SetWorker& from, Reader& reader, SetWorker& to) {
  to.worker = Reader::text(from.worker());
  to.action = reader.enumerator(from.action(), WorkerAction::Forget);
  to.reason = Reader::text(from.reason());
}

void read(const fb::GetStats&, Reader&, GetStats&) {}

void read(const fb::ListTags&, Reader&, ListTags&) {}

void read(const fb::Watch& from, Reader&, Watch& to) {
  to.enable = from.enable();
}

}  // namespace berth::wire
