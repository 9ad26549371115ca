#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "wire/frame.h"
#include "wire/messages.h"

namespace berth::wire {

/// A FlatBufferBuilder that leaves out what is empty. Private to wire/*.cc.
///
/// Memory   the builder's buffer and one stack of offsets, both reused
class Writer {
 public:
  using StringOffset = flatbuffers::Offset<flatbuffers::String>;
  template <typename Table>
  using Rows = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<Table>>>;

  flatbuffers::FlatBufferBuilder builder;

  StringOffset text(Text value) {
    if (value.empty()) return {};
    return builder.CreateString(value.data(), value.size());
  }

  Rows<flatbuffers::String> texts(TextList values) {
    // Inside a list an empty string has to exist: its place counts.
    return list<flatbuffers::String>(
        values, [this](Text value) { return builder.CreateString(value.data(), value.size()); });
  }

  /// One table for every row, each written by the `write` of its type.
  template <typename Table, typename Row>
  Rows<Table> rows(std::span<const Row> values) {
    return list<Table>(values, [this](const Row& row) { return write(*this, row); });
  }

  template <typename Number>
  flatbuffers::Offset<flatbuffers::Vector<Number>> numbers(std::span<const Number> values) {
    if (values.empty()) return {};
    return builder.CreateVector(values.data(), values.size());
  }

  /// A vector of `Struct`, each made by the `to_wire` of its row.
  template <typename Struct, typename Row>
  flatbuffers::Offset<flatbuffers::Vector<const Struct*>> structs(std::span<const Row> values) {
    if (values.empty()) return {};
    const auto fill = [](size_t i, Struct* to, const Row* rows) {
      *to = to_wire(rows[i]);
    };
    return builder.CreateVectorOfStructs<Struct>(values.size(), fill, values.data());
  }

  using Bytes = flatbuffers::Offset<flatbuffers::Vector<uint8_t>>;

  Bytes bytes(std::span<const std::byte> values) {
    if (values.empty()) return {};
    return builder.CreateVector(reinterpret_cast<const uint8_t*>(values.data()), values.size());
  }

  /// Bytes that are FlatBuffers themselves: aligned, so that they can be read in place.
  Bytes nested(std::span<const std::byte> buffer) {
    builder.ForceVectorAlignment(buffer.size(), 1, kFrameAlignment);
    return bytes(buffer);
  }

  struct Groups {
    Rows<flatbuffers::String> strings;
    flatbuffers::Offset<flatbuffers::Vector<uint32_t>> sizes;
  };

  /// The strings of all groups in one list, and how many belong to each.
  Groups groups(std::span<const TextList> values);

 private:
  template <typename Table, typename Value, typename WriteOne>
  Rows<Table> list(std::span<const Value> values, WriteOne write_one) {
    if (values.empty()) return {};
    const size_t base = offsets_.size();
    for (const Value& value : values)
      offsets_.push_back(write_one(value).o);
    return list_of<Table>(base);
  }

  /// A list of what was pushed since `base`, which is popped. A stack, because rows have lists.
  template <typename Table>
  Rows<Table> list_of(size_t base) {
    const size_t count = offsets_.size() - base;
    builder.StartVector(count, sizeof(flatbuffers::uoffset_t));
    for (size_t i = offsets_.size(); i > base; --i) {
      builder.PushElement(flatbuffers::Offset<Table>(offsets_[i - 1]));
    }
    offsets_.resize(base);
    return {builder.EndVector(count)};
  }

  std::vector<flatbuffers::uoffset_t> offsets_;
};

}  // namespace berth::wire
