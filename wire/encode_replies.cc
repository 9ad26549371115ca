#include "berth_generated.h"

#include "wire/encode_parts.h"

namespace berth::wire {

Written<fb::Welcome> write(Writer& writer, const Welcome& welcome) {
  const auto software = writer.text(welcome.software);
  return fb::CreateWelcome(
      writer.builder,
      welcome.version,
      software,
      welcome.epoch,
      welcome.server_time_ms,
      welcome.max_frame_bytes,
      welcome.suspicious_after_ms,
      welcome.offline_after_ms);
}

Written<fb::Refused> write(Writer& writer, const Refused& refused) {
  const auto message = writer.text(refused.message);
  return fb::CreateRefused(writer.builder, static_cast<fb::Refusal>(refused.code), message);
}

Written<fb::Pong> write(Writer& writer, const Pong& pong) {
  return fb::CreatePong(writer.builder, pong.payload);
}

Written<fb::HeartbeatReply> write(Writer& writer, const HeartbeatReply& reply) {
  const auto message = writer.text(reply.message);
  return fb::CreateHeartbeatReply(
      writer.builder,
      reply.accepted,
      static_cast<fb::Refusal>(reply.code),
      message,
      reply.server_time_ms,
      reply.drain,
      reply.resend_profile);
}

Written<fb::Elimination> write(Writer& writer, const Elimination& elimination) {
  const auto requirement = writer.text(elimination.requirement);
  return fb::CreateElimination(
      writer.builder, requirement, elimination.workers, elimination.asked, elimination.largest);
}

Written<fb::Explanation> write(Writer& writer, const Explanation& explanation) {
  if (explanation.workers == 0 && explanation.eligible == 0 && explanation.eliminated.empty() &&
      explanation.queue_position == 0) {
    return {};
  }
  const auto eliminated = writer.rows<fb::Elimination>(explanation.eliminated);
  return fb::CreateExplanation(
      writer.builder,
      explanation.workers,
      explanation.eligible,
      eliminated,
      explanation.queue_position);
}

Written<fb::Placed> write(Writer& writer, const Placed& placed) {
  const auto worker = writer.text(placed.worker);
  const auto address = writer.text(placed.address);
  const auto gpus = writer.numbers(placed.gpus);
  const auto explanation = write(writer, placed.explanation);
  return fb::CreatePlaced(
      writer.builder,
      worker,
      address,
      placed.reservation.value,
      placed.expires_in_ms,
      gpus,
      placed.load,
      placed.repeated,
      explanation);
}

Written<fb::Unplaced> write(Writer& writer, const Unplaced& unplaced) {
  const auto explanation = write(writer, unplaced.explanation);
  return fb::CreateUnplaced(writer.builder, static_cast<fb::NoPlace>(unplaced.reason), explanation);
}

Written<fb::Released> write(Writer& writer, const Released& released) {
  return fb::CreateReleased(writer.builder, released.released, released.unknown);
}

Written<fb::GpuDevice> write(Writer& writer, const GpuDevice& device) {
  const auto model = writer.text(device.model);
  return fb::CreateGpuDevice(writer.builder, model, device.free_milli);
}

Written<fb::WorkerRow> write(Writer& writer, const WorkerRow& row) {
  const auto id = writer.text(row.id);
  const auto address = writer.text(row.address);
  const auto tags = writer.texts(row.tags);
  const auto labels = writer.rows<fb::Label>(row.labels);
  const auto capacity = write(writer, row.capacity);
  const auto free = write(writer, row.free);
  const auto gpus = writer.rows<fb::GpuDevice>(row.gpus);
  const auto reason = writer.text(row.reason);
  const auto agent_version = writer.text(row.agent_version);
  const fb::Usage usage(row.usage.cpu_milli, row.usage.memory_mib, row.usage.gpu_milli);
  return fb::CreateWorkerRow(
      writer.builder,
      id,
      address,
      tags,
      labels,
      capacity,
      free,
      gpus,
      static_cast<fb::WorkerStatus>(row.status),
      row.cordoned,
      row.draining,
      reason,
      row.heartbeat_age_ms,
      row.cooldown_ms,
      row.reported_tasks,
      row.held_slots,
      row.load,
      &usage,
      agent_version);
}

Written<fb::WorkerPage> write(Writer& writer, const WorkerPage& page) {
  const auto rows = writer.rows<fb::WorkerRow>(page.rows);
  return fb::CreateWorkerPage(writer.builder, rows, page.next_cursor, page.total);
}

Written<fb::Done> write(Writer& writer, const Done&) {
  return fb::CreateDone(writer.builder);
}

Written<fb::Stat> write(Writer& writer, const Stat& stat) {
  const auto name = writer.text(stat.name);
  return fb::CreateStat(writer.builder, name, stat.shard, stat.value);
}

Written<fb::StatsReply> write(Writer& writer, const StatsReply& reply) {
  const auto stats = writer.rows<fb::Stat>(reply.stats);
  return fb::CreateStatsReply(writer.builder, stats);
}

Written<fb::TagCount> write(Writer& writer, const TagCount& count) {
  const auto tag = writer.text(count.tag);
  return fb::CreateTagCount(writer.builder, tag, count.workers);
}

Written<fb::TagPage> write(Writer& writer, const TagPage& page) {
  const auto tags = writer.rows<fb::TagCount>(page.tags);
  return fb::CreateTagPage(writer.builder, tags);
}

Written<fb::WorkerEvent> write(Writer& writer, const WorkerEvent& event) {
  const auto worker = writer.text(event.worker);
  const auto reason = writer.text(event.reason);
  return fb::CreateWorkerEvent(
      writer.builder,
      event.sequence,
      worker,
      static_cast<fb::WorkerChange>(event.change),
      reason,
      event.server_time_ms);
}

}  // namespace berth::wire
