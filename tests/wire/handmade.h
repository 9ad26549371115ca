#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"

/// Payloads made by hand: what no encoder of ours would make.
namespace berth::wire {

inline flatbuffers::voffset_t field(int index) {
  return flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(index));
}

struct Pointer {
  int field;
  flatbuffers::uoffset_t to;
};

inline flatbuffers::uoffset_t table(
    flatbuffers::FlatBufferBuilder& builder, std::initializer_list<Pointer> pointers) {
  const flatbuffers::uoffset_t start = builder.StartTable();
  for (const Pointer& pointer : pointers) {
    builder.AddOffset(field(pointer.field), flatbuffers::Offset<void>(pointer.to));
  }
  return builder.EndTable(start);
}

inline flatbuffers::uoffset_t list(
    flatbuffers::FlatBufferBuilder& builder, size_t count, flatbuffers::uoffset_t element) {
  builder.StartVector(count, sizeof(flatbuffers::uoffset_t));
  for (size_t i = 0; i < count; ++i)
    builder.PushElement(flatbuffers::Offset<void>(element));
  return builder.EndVector(count);
}

/// An envelope around the table that `make_body` makes; 0 leaves the body out.
inline std::vector<std::byte> payload(
    uint8_t kind,
    const std::function<flatbuffers::uoffset_t(flatbuffers::FlatBufferBuilder&)>& make_body) {
  flatbuffers::FlatBufferBuilder builder;
  const flatbuffers::uoffset_t body = make_body(builder);
  const flatbuffers::uoffset_t start = builder.StartTable();
  if (body != 0) builder.AddOffset(field(1), flatbuffers::Offset<void>(body));
  builder.AddElement<uint8_t>(field(0), kind, 0);
  builder.Finish(flatbuffers::Offset<void>(builder.EndTable(start)));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  std::vector<std::byte> padded(bytes, bytes + builder.GetSize());
  padded.resize((padded.size() + 7) / 8 * 8);
  return padded;
}

template <typename Variant>
DecodeStatus decode(std::span<const std::byte> bytes) {
  Aligned aligned(bytes);
  Decoder decoder;
  Variant message;
  const DecodeStatus status = decoder.decode(aligned.bytes(), message);
  if (status == DecodeStatus::Ok) describe(message);  // a sanitizer looks on
  return status;
}

template <typename Message>
std::vector<std::byte> encoded(const Message& message) {
  std::vector<std::byte> frame = encode_frame({1}, message);
  frame.erase(frame.begin(), frame.begin() + kFrameHeaderBytes);
  return frame;
}

}  // namespace berth::wire
