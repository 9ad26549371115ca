#include "berth_generated.h"

#include "wire/decode_parts.h"

namespace berth::wire {

void read(const fb::Welcome& from, Reader&, Welcome& to) {
  to.version = from.version();
  to.software = Reader::text(from.software());
  to.epoch = from.epoch();
  to.server_time_ms = from.server_time_ms();
  to.max_frame_bytes = from.max_frame_bytes();
  to.suspicious_after_ms = from.suspicious_after_ms();
  to.offline_after_ms = from.offline_after_ms();
}

void read(const fb::Refused& from, Reader& reader, Refused& to) {
  to.code = reader.enumerator(from.code(), Refusal::ShuttingDown);
  to.message = Reader::text(from.message());
}

void read(const fb::Pong& from, Reader&, Pong& to) {
  to.payload = from.payload();
}

void read(const fb::HeartbeatReply& from, Reader& reader, HeartbeatReply& to) {
  to.accepted = from.accepted();
  to.code = reader.enumerator(from.code(), Refusal::ShuttingDown);
  to.message = Reader::text(from.message());
  to.server_time_ms = from.server_time_ms();
  to.drain = from.drain();
  to.resend_profile = from.resend_profile();
}

void read(const fb::Elimination& from, Reader&, Elimination& to) {
  to.requirement = Reader::text(from.requirement());
  to.workers = from.workers();
  to.asked = from.asked();
  to.largest = from.largest();
}

void read(const fb::GpuDevice& from, Reader&, GpuDevice& to) {
  to.model = Reader::text(from.model());
  to.free_milli = from.free_milli();
}

void read(const fb::Stat& from, Reader&, Stat& to) {
  to.name = Reader::text(from.name());
  to.shard = from.shard();
  to.value = from.value();
}

void read(const fb::TagCount& from, Reader&, TagCount& to) {
  to.tag = Reader::text(from.tag());
  to.workers = from.workers();
}

void read(const fb::WorkerRow& from, Reader& reader, WorkerRow& to) {
  to.id = Reader::text(from.id());
  to.address = Reader::text(from.address());
  to.tags = reader.texts(from.tags());
  to.labels = reader.rows<Label>(from.labels());
  if (from.capacity() != nullptr) read(*from.capacity(), reader, to.capacity);
  if (from.free() != nullptr) read(*from.free(), reader, to.free);
  to.gpus = reader.rows<GpuDevice>(from.gpus());
  to.status = reader.enumerator(from.status(), WorkerStatus::Offline);
  to.cordoned = from.cordoned();
  to.draining = from.draining();
  to.reason = Reader::text(from.reason());
  to.heartbeat_age_ms = from.heartbeat_age_ms();
  to.cooldown_ms = from.cooldown_ms();
  to.reported_tasks = from.reported_tasks();
  to.held_slots = from.held_slots();
  to.load = from.load();
  if (from.usage() != nullptr) read(*from.usage(), reader, to.usage);
  to.agent_version = Reader::text(from.agent_version());
}

void read(const fb::Explanation& from, Reader& reader, Explanation& to) {
  to.workers = from.workers();
  to.eligible = from.eligible();
  to.eliminated = reader.rows<Elimination>(from.eliminated());
  to.queue_position = from.queue_position();
}

void read(const fb::Placed& from, Reader& reader, Placed& to) {
  to.worker = Reader::text(from.worker());
  to.address = Reader::text(from.address());
  to.reservation = {from.reservation()};
  to.expires_in_ms = from.expires_in_ms();
  to.gpus = reader.numbers(from.gpus());
  to.load = from.load();
  to.repeated = from.repeated();
  if (from.explanation() != nullptr) read(*from.explanation(), reader, to.explanation);
}

void read(const fb::Unplaced& from, Reader& reader, Unplaced& to) {
  to.reason = reader.enumerator(from.reason(), NoPlace::QueueFull);
  if (from.explanation() != nullptr) read(*from.explanation(), reader, to.explanation);
}

void read(const fb::Released& from, Reader&, Released& to) {
  to.released = from.released();
  to.unknown = from.unknown();
}

void read(const fb::WorkerPage& from, Reader& reader, WorkerPage& to) {
  to.rows = reader.rows<WorkerRow>(from.rows());
  to.next_cursor = from.next_cursor();
  to.total = from.total();
}

void read(const fb::Done&, Reader&, Done&) {}

void read(const fb::StatsReply& from, Reader& reader, StatsReply& to) {
  to.stats = reader.rows<Stat>(from.stats());
}

void read(const fb::TagPage& from, Reader& reader, TagPage& to) {
  to.tags = reader.rows<TagCount>(from.tags());
}

void read(const fb::WorkerEvent& from, Reader& reader, WorkerEvent& to) {
  to.sequence = from.sequence();
  to.worker = Reader::text(from.worker());
  to.change = reader.enumerator(from.change(), WorkerChange::Replaced);
  to.reason = Reader::text(from.reason());
  to.server_time_ms = from.server_time_ms();
}

}  // namespace berth::wire
