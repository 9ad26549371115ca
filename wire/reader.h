#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "wire/decode.h"
#include "wire/frame.h"

namespace berth::wire {

/// What turns verified tables into structs: room for lists, and the first thing found wrong.
///
/// Private to wire/*.cc.
///
/// Memory   one block for the lists of a message; a message that needs more takes overflow blocks,
///          which never move what is already handed out and become one block at the next `start`
/// Errors   kept in `status()`; whoever reads goes on with empty lists and asks once at the end
class Reader {
 public:
  /// Forgets the last message. `payload_bytes` bounds the work: a list element takes at least four
  /// bytes, so a payload that claims more elements than that lists the same bytes again and again.
  void start(size_t payload_bytes) {
    if (!overflow_.empty()) merge();
    used_ = 0;
    elements_left_ = payload_bytes / sizeof(flatbuffers::uoffset_t);
    status_ = DecodeStatus::Ok;
  }

  DecodeStatus status() const { return status_; }
  void fail(DecodeStatus status) {
    if (status_ == DecodeStatus::Ok) status_ = status;
  }

  static Text text(const flatbuffers::String* string) {
    return string != nullptr ? Text(string->c_str(), string->size()) : Text();
  }

  using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

  TextList texts(const Strings* strings) {
    return gather<Text>(strings, [](const flatbuffers::String* string) { return text(string); });
  }

  /// The groups of `sizes`, each so many of `strings`, which must be used up exactly.
  std::span<const TextList> groups(
      const Strings* strings, const flatbuffers::Vector<uint32_t>* sizes);

  /// One `Row` for every table, each filled by the `read` of its type.
  template <typename Row, typename Table>
  std::span<const Row> rows(const flatbuffers::Vector<flatbuffers::Offset<Table>>* tables) {
    return gather<Row>(tables, [this](const Table* table) {
      Row row;
      read(*table, *this, row);
      return row;
    });
  }

  /// Numbers where they lie in the frame, which costs nothing however many they are. The verifier
  /// checks the alignment of the list's length, not that of its elements.
  template <typename Number>
  std::span<const Number> numbers(const flatbuffers::Vector<Number>* numbers) {
    // An empty list may lie anywhere: writers do not align what they do not write.
    if (numbers == nullptr || numbers->size() == 0) return {};
    if (reinterpret_cast<uintptr_t>(numbers->Data()) % alignof(Number) != 0) {
      fail(DecodeStatus::Unverifiable);
      return {};
    }
    return {reinterpret_cast<const Number*>(numbers->Data()), numbers->size()};
  }

  /// Structs where they lie in the frame, for a `Row` that lies in memory as it does on the wire.
  template <typename Row, typename Struct>
  std::span<const Row> structs(const flatbuffers::Vector<const Struct*>* structs) {
    static_assert(sizeof(Row) == sizeof(Struct) && alignof(Row) == alignof(Struct));
    if (structs == nullptr || structs->size() == 0) return {};
    if (reinterpret_cast<uintptr_t>(structs->Data()) % alignof(Row) != 0) {
      fail(DecodeStatus::Unverifiable);
      return {};
    }
    return {reinterpret_cast<const Row*>(structs->Data()), structs->size()};
  }

  static std::span<const std::byte> bytes(const flatbuffers::Vector<uint8_t>* bytes) {
    if (bytes == nullptr) return {};
    return {reinterpret_cast<const std::byte*>(bytes->Data()), bytes->size()};
  }

  /// Bytes that are FlatBuffers themselves and will be read in place, later. Paid for like the
  /// elements of lists: whoever reads and keeps each must not do so for the same bytes again.
  std::span<const std::byte> nested(const flatbuffers::Vector<uint8_t>* buffer) {
    if (buffer == nullptr || buffer->size() == 0) return {};
    if (!afford(buffer->size() / sizeof(flatbuffers::uoffset_t))) return {};
    if (reinterpret_cast<uintptr_t>(buffer->Data()) % kFrameAlignment != 0) {
      fail(DecodeStatus::Unverifiable);
      return {};
    }
    return bytes(buffer);
  }

  /// Enumerators of one byte each, none beyond `last`.
  template <typename Enum>
  std::span<const uint8_t> enumerators(const flatbuffers::Vector<uint8_t>* values, Enum last) {
    uint8_t highest = 0;
    const std::span<const uint8_t> all = numbers(values);
    for (const uint8_t value : all)
      highest = value > highest ? value : highest;
    if (highest > static_cast<uint8_t>(last)) {
      fail(DecodeStatus::BadEnum);
      return {};
    }
    return all;
  }

  /// `value` as the enum of messages.h, whose last enumerator is `last`.
  template <typename Enum, typename Wire>
  Enum enumerator(Wire value, Enum last) {
    static_assert(sizeof(Wire) == sizeof(Enum));
    if (static_cast<uint8_t>(value) > static_cast<uint8_t>(last)) {
      fail(DecodeStatus::BadEnum);
      return Enum{};
    }
    return static_cast<Enum>(value);
  }

 private:
  static constexpr size_t kBlockBytes = 16 * 1024;

  bool afford(size_t elements) {
    if (elements <= elements_left_) {
      elements_left_ -= elements;
      return true;
    }
    elements_left_ = 0;
    fail(DecodeStatus::Unverifiable);
    return false;
  }

  template <typename Element, typename Table, typename Convert>
  std::span<const Element> gather(const flatbuffers::Vector<Table>* from, Convert convert) {
    if (from == nullptr || !afford(from->size())) return {};
    const uint32_t count = from->size();
    Element* elements = room<Element>(count);
    for (uint32_t i = 0; i < count; ++i)
      new (elements + i) Element(convert(from->Get(i)));
    return {elements, count};
  }

  template <typename Element>
  Element* room(size_t count) {
    static_assert(std::is_trivially_destructible_v<Element> && alignof(Element) <= kAlignment);
    const size_t bytes = (count * sizeof(Element) + kAlignment - 1) & ~(kAlignment - 1);
    if (bytes > capacity_ - used_) return reinterpret_cast<Element*>(overflow(bytes));
    std::byte* at = block_.get() + used_;
    used_ += bytes;
    return reinterpret_cast<Element*>(at);
  }

  std::byte* overflow(size_t bytes);
  void merge();

  static constexpr size_t kAlignment = alignof(std::max_align_t);

  std::unique_ptr<std::byte[]> block_;
  size_t capacity_ = 0;
  size_t used_ = 0;
  size_t overflow_bytes_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> overflow_;
  size_t elements_left_ = 0;
  DecodeStatus status_ = DecodeStatus::Ok;
};

}  // namespace berth::wire
