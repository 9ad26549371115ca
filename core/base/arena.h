#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace berth::core {

/// Memory for one loop turn: handed out by bumping a pointer, given back all at once.
///
/// Memory   blocks of 64 KiB, the first one kept by `clear()`; addresses stay valid until then
/// Threads  one owner
class Arena {
 public:
  std::string_view keep(std::string_view text) {
    char* copy = allocate<char>(text.size());
    if (!text.empty()) std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  /// Uninitialised room for `count` values, which must not need a destructor.
  template <typename T>
  T* allocate(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return reinterpret_cast<T*>(allocate_bytes(count * sizeof(T), alignof(T)));
  }

  /// A copy of `values` that lives until `clear()`.
  template <typename T>
  std::span<const T> keep_all(std::span<const T> values) {
    T* copy = allocate<T>(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      new (copy + i) T(values[i]);
    return {copy, values.size()};
  }

  /// What the blocks take, used or not.
  size_t bytes() const {
    size_t sum = 0;
    for (const Block& block : blocks_)
      sum += block.bytes;
    return sum;
  }

  /// Takes over what `other` keeps, where it is, until the next `clear()`.
  void adopt(Arena&& other) {
    if (blocks_.empty()) {
      *this = std::move(other);
    } else {
      // In front: the last one is that which is being filled.
      blocks_.insert(
          blocks_.begin(),
          std::make_move_iterator(other.blocks_.begin()),
          std::make_move_iterator(other.blocks_.end()));
    }
    other = Arena();
  }

  void clear() {
    if (blocks_.size() > 1) blocks_.resize(1);
    used_ = 0;
    if (!blocks_.empty() && blocks_[0].bytes > kBlockBytes) blocks_.clear();
    capacity_ = blocks_.empty() ? 0 : blocks_[0].bytes;
  }

 private:
  static constexpr size_t kBlockBytes = 64 * 1024;

  struct Block {
    std::unique_ptr<std::byte[]> data;
    size_t bytes;
  };

  std::byte* allocate_bytes(size_t bytes, size_t alignment) {
    size_t at = (used_ + alignment - 1) & ~(alignment - 1);
    if (blocks_.empty() || at + bytes > capacity_) {  // empty: even nothing needs an address
      capacity_ = bytes > kBlockBytes ? bytes : kBlockBytes;
      blocks_.push_back({std::unique_ptr<std::byte[]>(new std::byte[capacity_]), capacity_});
      at = 0;
    }
    used_ = at + bytes;
    return blocks_.back().data.get() + at;
  }

  std::vector<Block> blocks_;
  size_t used_ = 0;
  size_t capacity_ = 0;
};

}  // namespace berth::core
