#include "wire/spec.h"

#include "berth_generated.h"

#include "wire/decode_job_parts.h"
#include "wire/decode_parts.h"
#include "wire/encode_job_parts.h"
#include "wire/frame.h"

namespace berth::wire {
namespace {

constexpr uint32_t kDepthMax = 16;
// Labels, environment and the like; well beyond the limits of core, which says them in words.
constexpr uint32_t kTablesMax = 4'096;

/// One function, as in decode.cc: most of the steps are two instructions.
[[gnu::flatten, gnu::noinline]] bool verifies(std::span<const std::byte> bytes) {
  flatbuffers::Verifier::Options options;
  options.max_depth = kDepthMax;
  options.max_tables = kTablesMax;
  flatbuffers::Verifier verifier(
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), options);
  return verifier.VerifyBuffer<fb::JobSpec>(nullptr);
}

}  // namespace

Written<fb::JobSpec> write(Writer& writer, const JobSpec& spec) {
  const auto name = writer.text(spec.name);
  const auto queue = writer.text(spec.queue);
  const auto tenant = writer.text(spec.tenant);
  const auto labels = writer.rows<fb::Label>(spec.labels);
  const auto command = writer.texts(spec.command);
  const auto image = writer.text(spec.image);
  const auto env = writer.rows<fb::Label>(spec.env);
  const auto working_dir = writer.text(spec.working_dir);
  const auto stdin_text = writer.text(spec.stdin_text);
  const auto demand = write(writer, spec.demand);
  const auto requirements = write(writer, spec.requirements);
  const auto depends_on = writer.numbers(spec.depends_on);
  const auto depends_on_items = writer.numbers(spec.depends_on_items);
  const auto artifacts = writer.texts(spec.artifacts);
  const auto meta = writer.rows<fb::Label>(spec.meta);
  return fb::CreateJobSpec(
      writer.builder,
      name,
      queue,
      tenant,
      labels,
      command,
      image,
      env,
      working_dir,
      stdin_text,
      static_cast<fb::Runner>(spec.runner),
      spec.network,
      static_cast<fb::Policy>(spec.policy),
      demand,
      requirements,
      spec.priority,
      spec.scheduled_at_ms,
      spec.deadline_at_ms,
      spec.estimated_ms,
      spec.timeout_ms,
      spec.attempts_max,
      spec.retry_base_ms,
      spec.retry_cap_ms,
      spec.kill_grace_ms,
      spec.checkpointable,
      depends_on,
      depends_on_items,
      spec.is_array,
      spec.array_first,
      spec.array_last,
      artifacts,
      meta);
}

void read(const fb::JobSpec& from, Reader& reader, JobSpec& to) {
  to.name = Reader::text(from.name());
  to.queue = Reader::text(from.queue());
  to.tenant = Reader::text(from.tenant());
  to.labels = reader.rows<Label>(from.labels());
  to.command = reader.texts(from.command());
  to.image = Reader::text(from.image());
  to.env = reader.rows<Label>(from.env());
  to.working_dir = Reader::text(from.working_dir());
  to.stdin_text = Reader::text(from.stdin_text());
  to.runner = reader.enumerator(from.runner(), Runner::Container);
  to.network = from.network();
  to.policy = reader.enumerator(from.policy(), Policy::Pack);
  if (from.demand() != nullptr) read(*from.demand(), reader, to.demand);
  if (from.requirements() != nullptr) read(*from.requirements(), reader, to.requirements);
  to.priority = from.priority();
  to.scheduled_at_ms = from.scheduled_at_ms();
  to.deadline_at_ms = from.deadline_at_ms();
  to.estimated_ms = from.estimated_ms();
  to.timeout_ms = from.timeout_ms();
  to.attempts_max = from.attempts_max();
  to.retry_base_ms = from.retry_base_ms();
  to.retry_cap_ms = from.retry_cap_ms();
  to.kill_grace_ms = from.kill_grace_ms();
  to.checkpointable = from.checkpointable();
  to.depends_on = reader.numbers(from.depends_on());
  to.depends_on_items = reader.numbers(from.depends_on_items());
  to.is_array = from.is_array();
  to.array_first = from.array_first();
  to.array_last = from.array_last();
  to.artifacts = reader.texts(from.artifacts());
  to.meta = reader.rows<Label>(from.meta());
}

struct SpecEncoder::Builder {
  Writer writer;
};

SpecEncoder::SpecEncoder() : builder_(std::make_unique<Builder>()) {
  // Specs are kept by the million: their bytes count for more than the time to find an equal
  // layout.
  builder_->writer.builder.DedupVtables(true);
}
SpecEncoder::~SpecEncoder() = default;

std::span<const std::byte> SpecEncoder::encode(const JobSpec& spec) {
  flatbuffers::FlatBufferBuilder& builder = builder_->writer.builder;
  builder.Clear();
  builder.Align(kFrameAlignment);  // of the end; with it, the size is a multiple of it
  builder.Finish(write(builder_->writer, spec));
  return {reinterpret_cast<const std::byte*>(builder.GetBufferPointer()), builder.GetSize()};
}

struct SpecDecoder::Scratch {
  Reader reader;
};

SpecDecoder::SpecDecoder() : scratch_(std::make_unique<Scratch>()) {}
SpecDecoder::~SpecDecoder() = default;

DecodeStatus SpecDecoder::decode(std::span<const std::byte> bytes, JobSpec& spec) {
  spec = JobSpec{};
  // The verifier sees offsets, not addresses: in misaligned bytes everything would pass.
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kFrameAlignment != 0 ||
      bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE || !verifies(bytes)) {
    return DecodeStatus::Unverifiable;
  }
  Reader& reader = scratch_->reader;
  reader.start(bytes.size());
  read(*flatbuffers::GetRoot<fb::JobSpec>(bytes.data()), reader, spec);
  return reader.status();
}

}  // namespace berth::wire
