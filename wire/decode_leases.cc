#include "berth_generated.h"

#include "wire/decode_job_parts.h"

namespace berth::wire {

// Lists of them are read where they lie.
static_assert(sizeof(fb::AssignmentId) == sizeof(AssignmentId) && alignof(fb::AssignmentId) == 8);
static_assert(
    offsetof(AssignmentId, job) == 0 && offsetof(AssignmentId, epoch) == 8 &&
    offsetof(AssignmentId, attempt) == 16);

void read(const fb::AssignmentId& from, Reader&, AssignmentId& to) {
  to.job = {from.job()};
  to.epoch = from.epoch();
  to.attempt = from.attempt();
}

// ---- What workers say

void read(const fb::AttachWorker& from, Reader& reader, AttachWorker& to) {
  to.worker = Reader::text(from.worker());
  to.life = from.life();
  to.nonce = from.nonce();
  to.pull = from.pull();
  to.running = reader.structs<AssignmentId>(from.running());
  to.offline_after_ms = from.offline_after_ms();
}

void read(const fb::NextJobs& from, Reader&, NextJobs& to) {
  to.worker = Reader::text(from.worker());
  to.jobs_max = from.jobs_max();
  to.wait_ms = from.wait_ms();
}

void read(const fb::ReportItem& from, Reader& reader, ReportItem& to) {
  to.kind = reader.enumerator(from.kind(), ReportKind::Checkpointed);
  if (from.assignment() != nullptr) read(*from.assignment(), reader, to.assignment);
  if (from.error() != nullptr) read(*from.error(), reader, to.error);
  if (from.usage() != nullptr) read(*from.usage(), reader, to.usage);
  to.outputs = reader.rows<OutputFile>(from.outputs());
}

void read(const fb::Report& from, Reader& reader, Report& to) {
  to.worker = Reader::text(from.worker());
  to.items = reader.rows<ReportItem>(from.items());
}

void read(const fb::LogPiece& from, Reader& reader, LogPiece& to) {
  to.ticket = from.ticket();
  to.refusal = reader.enumerator(from.refusal(), Refusal::ShuttingDown);
  to.message = Reader::text(from.message());
  if (from.chunk() != nullptr) read(*from.chunk(), reader, to.chunk);
}

// ---- What workers are told

void read(const fb::Attached& from, Reader& reader, Attached& to) {
  to.lease_ms = from.lease_ms();
  to.verdicts = reader.enumerators(from.verdicts(), Verdict::Stale);
}

void read(const fb::Assignment& from, Reader& reader, Assignment& to) {
  if (from.id() != nullptr) read(*from.id(), reader, to.id);
  to.spec = reader.nested(from.spec());
  to.array_index = from.array_index();
  to.expires_in_ms = from.expires_in_ms();
  to.gpus = reader.numbers(from.gpus());
}

void read(const fb::Assignments& from, Reader& reader, Assignments& to) {
  to.items = reader.rows<Assignment>(from.items());
}

void read(const fb::Reported& from, Reader& reader, Reported& to) {
  to.verdicts = reader.enumerators(from.verdicts(), Verdict::Stale);
}

void read(const fb::StopTask& from, Reader& reader, StopTask& to) {
  if (from.assignment() != nullptr) read(*from.assignment(), reader, to.assignment);
  to.reason = Reader::text(from.reason());
}

void read(const fb::StopTasks& from, Reader& reader, StopTasks& to) {
  to.items = reader.rows<StopTask>(from.items());
}

void read(const fb::WantLog& from, Reader& reader, WantLog& to) {
  to.ticket = from.ticket();
  if (from.assignment() != nullptr) read(*from.assignment(), reader, to.assignment);
  to.stream = reader.enumerator(from.stream(), OutputStream::Stderr);
  to.offset = from.offset();
  to.bytes_max = from.bytes_max();
  to.wait_ms = from.wait_ms();
}

}  // namespace berth::wire
