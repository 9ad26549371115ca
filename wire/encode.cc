#include "wire/encode.h"

#include <cstring>

#include "berth_generated.h"

#include "wire/encode_parts.h"
#include "wire/frame.h"

namespace berth::wire {
namespace {

void append_frame(
    RequestId id, const flatbuffers::FlatBufferBuilder& builder, std::vector<std::byte>& out) {
  const size_t size = builder.GetSize();
  const size_t padded = (size + kFrameAlignment - 1) & ~(kFrameAlignment - 1);
  const size_t start = out.size();
  // resize() zeroes what it adds, and so the padding.
  out.resize(start + kFrameHeaderBytes + padded);
  std::byte* at = out.data() + start;
  const auto payload_bytes = static_cast<uint32_t>(padded);
  std::memcpy(at, &payload_bytes, sizeof(payload_bytes));
  std::memcpy(at + sizeof(payload_bytes), &id.value, sizeof(id.value));
  std::memcpy(at + kFrameHeaderBytes, builder.GetBufferPointer(), size);
}

/// The envelope around `body`; its type says the kind.
template <typename Table>
flatbuffers::Offset<fb::Envelope> seal(
    flatbuffers::FlatBufferBuilder& builder, Written<Table> body) {
  return fb::CreateEnvelope(builder, fb::BodyTraits<Table>::enum_value, body.Union());
}

template <typename Variant>
void encode_any(RequestId id, const Variant& message, Writer& writer, std::vector<std::byte>& out) {
  flatbuffers::FlatBufferBuilder& builder = writer.builder;
  builder.Clear();
  const auto envelope =
      std::visit([&](const auto& body) { return seal(builder, write(writer, body)); }, message);
  builder.Finish(envelope);
  append_frame(id, builder, out);
}

}  // namespace

struct Encoder::Builder {
  Writer writer;
};

Encoder::Encoder() : builder_(std::make_unique<Builder>()) {}
Encoder::~Encoder() = default;

void Encoder::encode(RequestId id, const Request& request, std::vector<std::byte>& out) {
  encode_any(id, request, builder_->writer, out);
}

void Encoder::encode(RequestId id, const Reply& reply, std::vector<std::byte>& out) {
  encode_any(id, reply, builder_->writer, out);
}

}  // namespace berth::wire
