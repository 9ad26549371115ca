#include "wire/reader.h"

#include <algorithm>

namespace berth::wire {

std::span<const TextList> Reader::groups(
    const Strings* strings, const flatbuffers::Vector<uint32_t>* sizes) {
  TextList rest = texts(strings);
  if (sizes != nullptr && afford(sizes->size())) {
    const uint32_t count = sizes->size();
    TextList* groups = room<TextList>(count);
    for (uint32_t i = 0; i < count; ++i) {
      const size_t size = sizes->Get(i);
      if (size > rest.size()) {
        fail(DecodeStatus::Unverifiable);
        return {};
      }
      new (groups + i) TextList(rest.first(size));
      rest = rest.subspan(size);
    }
    if (rest.empty()) return {groups, count};
  }
  if (!rest.empty()) fail(DecodeStatus::Unverifiable);
  return {};
}

std::byte* Reader::overflow(size_t bytes) {
  // Not zeroed: every element is constructed before it is handed out.
  overflow_.emplace_back(new std::byte[bytes]);
  overflow_bytes_ += bytes;
  return overflow_.back().get();
}

void Reader::merge() {
  overflow_.clear();
  capacity_ = std::max(kBlockBytes, capacity_ + overflow_bytes_);
  overflow_bytes_ = 0;
  block_.reset(new std::byte[capacity_]);
}

}  // namespace berth::wire
