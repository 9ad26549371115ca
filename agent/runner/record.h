#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/hash.h"

/// What the runner keeps in files: fields one after the other, sealed by a checksum.
///
/// One function lists the fields of a struct, `template <class Archive> void fields(Archive&, T&)`;
/// `Packer` and `Unpacker` are its two archives, so that writing and reading cannot drift apart.
namespace berth::agent {

/// Appends fields to bytes: whole numbers as 8 bytes, little-endian; texts and lists after their
/// length.
class Packer {
 public:
  std::string bytes;

  template <typename Number>
  requires std::integral<Number> || std::is_enum_v<Number>
  void operator()(const Number& number) {
    uint64_t wide = static_cast<uint64_t>(number);
    for (int shift = 0; shift < 64; shift += 8)
      bytes += static_cast<char>(wide >> shift);
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    bytes += text;
  }
  template <typename Item>
  void operator()(const std::vector<Item>& items) {
    (*this)(items.size());
    for (const Item& item : items)
      put(item);
  }

 private:
  template <typename Item>
  void put(const Item& item) {
    if constexpr (requires { (*this)(item); }) {
      (*this)(item);
    } else {
      fields(*this, const_cast<Item&>(item));  // a Packer only reads
    }
  }
};

/// Takes them off again; after the first that does not fit nothing more is taken.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  /// All was there, and nothing else.
  bool complete() const { return !failed_ && rest_.empty(); }

  template <typename Number>
  requires std::integral<Number> || std::is_enum_v<Number>
  void operator()(Number& number) {
    if (!have(8)) return;
    uint64_t wide = 0;
    for (int i = 0; i < 8; ++i)
      wide |= uint64_t{static_cast<unsigned char>(rest_[static_cast<size_t>(i)])} << (8 * i);
    rest_.remove_prefix(8);
    number = static_cast<Number>(wide);
  }
  void operator()(std::string& text) {
    size_t size = 0;
    (*this)(size);
    if (!have(size)) return;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }
  template <typename Item>
  void operator()(std::vector<Item>& items) {
    size_t count = 0;
    (*this)(count);
    items.clear();
    // Every item takes at least 8 bytes: a count beyond that is damage, not a reason to allocate.
    if (!have(count) || count > rest_.size() / 8) failed_ = failed_ || count > 0;
    for (size_t i = 0; i < count && !failed_; ++i)
      take(items.emplace_back());
  }

 private:
  bool have(size_t bytes) {
    if (failed_ || bytes > rest_.size()) failed_ = true;
    return !failed_;
  }
  template <typename Item>
  void take(Item& item) {
    if constexpr (requires { (*this)(item); }) {
      (*this)(item);
    } else {
      fields(*this, item);
    }
  }

  std::string_view rest_;
  bool failed_ = false;
};

inline constexpr size_t kSealBytes = 24;

/// `magic` (8 letters with the version of the format), length, checksum, payload.
inline std::string seal(std::string_view magic, std::string_view payload) {
  Packer packer;
  packer.bytes = magic;
  packer(payload.size());
  packer(core::hash_text(payload));
  packer.bytes += payload;
  return std::move(packer.bytes);
}

/// The payload at the start of `bytes`; null when it is another file, cut short or changed.
inline std::optional<std::string_view> unseal(std::string_view magic, std::string_view bytes) {
  if (bytes.size() < kSealBytes || bytes.substr(0, magic.size()) != magic) return std::nullopt;
  Unpacker header(bytes.substr(magic.size(), 16));
  size_t size = 0;
  uint64_t checksum = 0;
  header(size);
  header(checksum);
  if (size > bytes.size() - kSealBytes) return std::nullopt;
  std::string_view payload = bytes.substr(kSealBytes, size);
  if (core::hash_text(payload) != checksum) return std::nullopt;
  return payload;
}

}  // namespace berth::agent
