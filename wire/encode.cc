#include "wire/encode.h"

#include "berth_generated.h"

#include "wire/encode_job_parts.h"
#include "wire/encode_parts.h"
#include "wire/encode_plan_parts.h"
#include "wire/frame.h"
#include "wire/stamps.h"

namespace berth::wire {
namespace {

// A page repeats the layout of its rows hundreds of times. Elsewhere, looking for an equal layout
// costs more than the few bytes it may save.
template <typename Message>
constexpr bool kSharesLayouts = false;
template <>
constexpr bool kSharesLayouts<WorkerPage> = true;
template <>
constexpr bool kSharesLayouts<StatsReply> = true;
template <>
constexpr bool kSharesLayouts<TagPage> = true;
template <>
constexpr bool kSharesLayouts<SubmitJobs> = true;
template <>
constexpr bool kSharesLayouts<Report> = true;
template <>
constexpr bool kSharesLayouts<JobsSubmitted> = true;
template <>
constexpr bool kSharesLayouts<JobPage> = true;
template <>
constexpr bool kSharesLayouts<JobDetails> = true;
template <>
constexpr bool kSharesLayouts<JobEvents> = true;
template <>
constexpr bool kSharesLayouts<Assignments> = true;
template <>
constexpr bool kSharesLayouts<StopTasks> = true;

/// The envelope around `body`; its type says the kind.
template <typename Table>
flatbuffers::Offset<fb::Envelope> seal(
    flatbuffers::FlatBufferBuilder& builder, Written<Table> body) {
  return fb::CreateEnvelope(builder, fb::BodyTraits<Table>::enum_value, body.Union());
}

/// Buffers are built from their end towards their start, so the header comes last. Aligned to 8
/// from the first byte on, the payload ends up with a multiple of 8 without padding of our own.
template <typename Variant>
void encode_any(RequestId id, const Variant& message, Writer& writer, std::vector<std::byte>& out) {
  flatbuffers::FlatBufferBuilder& builder = writer.builder;
  builder.Clear();
  builder.Align(kFrameAlignment);
  const auto envelope = std::visit(
      [&]<typename Message>(const Message& body) {
        builder.DedupVtables(kSharesLayouts<Message>);
        return seal(builder, write(writer, body));
      },
      message);
  builder.Finish(envelope);
  const uint32_t payload_bytes = builder.GetSize();
  builder.PushElement(id.value);
  builder.PushElement(payload_bytes);
  const auto* frame = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  out.insert(out.end(), frame, frame + builder.GetSize());
}

}  // namespace

struct Encoder::Builder {
  Writer writer;
  Stamps stamps;
};

Encoder::Encoder() : builder_(std::make_unique<Builder>()) {}
Encoder::~Encoder() = default;

void Encoder::encode(RequestId id, const Request& request, std::vector<std::byte>& out) {
  encode_any(id, request, builder_->writer, out);
}

void Encoder::encode(RequestId id, const Reply& reply, std::vector<std::byte>& out) {
  if (builder_->stamps.encode(id, reply, out)) return;
  encode_any(id, reply, builder_->writer, out);
}

}  // namespace berth::wire
