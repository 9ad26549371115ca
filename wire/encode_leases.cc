#include "berth_generated.h"

#include "wire/encode_job_parts.h"

namespace berth::wire {

fb::AssignmentId to_wire(const AssignmentId& id) {
  return {id.job.value, id.epoch, id.attempt};
}

// ---- What workers say

Written<fb::AttachWorker> write(Writer& writer, const AttachWorker& attach) {
  const auto worker = writer.text(attach.worker);
  const auto running = writer.structs<fb::AssignmentId>(attach.running);
  return fb::CreateAttachWorker(
      writer.builder,
      worker,
      attach.life,
      attach.nonce,
      attach.pull,
      running,
      attach.offline_after_ms);
}

Written<fb::NextJobs> write(Writer& writer, const NextJobs& next) {
  const auto worker = writer.text(next.worker);
  return fb::CreateNextJobs(writer.builder, worker, next.jobs_max, next.wait_ms);
}

Written<fb::ReportItem> write(Writer& writer, const ReportItem& item) {
  const fb::AssignmentId assignment = to_wire(item.assignment);
  const auto error = write(writer, item.error);
  const auto usage = write(writer, item.usage);
  const auto outputs = writer.rows<fb::OutputFile>(item.outputs);
  return fb::CreateReportItem(
      writer.builder, static_cast<fb::ReportKind>(item.kind), &assignment, error, usage, outputs);
}

Written<fb::Report> write(Writer& writer, const Report& report) {
  const auto worker = writer.text(report.worker);
  const auto items = writer.rows<fb::ReportItem>(report.items);
  return fb::CreateReport(writer.builder, worker, items);
}

Written<fb::LogPiece> write(Writer& writer, const LogPiece& piece) {
  const auto message = writer.text(piece.message);
  const auto chunk = write(writer, piece.chunk);
  return fb::CreateLogPiece(
      writer.builder, piece.ticket, static_cast<fb::Refusal>(piece.refusal), message, chunk);
}

// ---- What workers are told

Written<fb::Attached> write(Writer& writer, const Attached& attached) {
  const auto verdicts = writer.numbers(attached.verdicts);
  return fb::CreateAttached(writer.builder, attached.lease_ms, verdicts);
}

Written<fb::Assignment> write(Writer& writer, const Assignment& assignment) {
  const fb::AssignmentId id = to_wire(assignment.id);
  const auto spec = writer.nested(assignment.spec);
  const auto gpus = writer.numbers(assignment.gpus);
  return fb::CreateAssignment(
      writer.builder, &id, spec, assignment.array_index, assignment.expires_in_ms, gpus);
}

Written<fb::Assignments> write(Writer& writer, const Assignments& assignments) {
  const auto items = writer.rows<fb::Assignment>(assignments.items);
  return fb::CreateAssignments(writer.builder, items);
}

Written<fb::Reported> write(Writer& writer, const Reported& reported) {
  const auto verdicts = writer.numbers(reported.verdicts);
  return fb::CreateReported(writer.builder, verdicts);
}

Written<fb::StopTask> write(Writer& writer, const StopTask& stop) {
  const fb::AssignmentId assignment = to_wire(stop.assignment);
  const auto reason = writer.text(stop.reason);
  return fb::CreateStopTask(writer.builder, &assignment, reason);
}

Written<fb::StopTasks> write(Writer& writer, const StopTasks& stop) {
  const auto items = writer.rows<fb::StopTask>(stop.items);
  return fb::CreateStopTasks(writer.builder, items);
}

Written<fb::WantLog> write(Writer& writer, const WantLog& want) {
  const fb::AssignmentId assignment = to_wire(want.assignment);
  return fb::CreateWantLog(
      writer.builder,
      want.ticket,
      &assignment,
      static_cast<fb::OutputStream>(want.stream),
      want.offset,
      want.bytes_max,
      want.wait_ms);
}

}  // namespace berth::wire
