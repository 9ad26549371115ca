#include "core/base/text.h"

#include <cstddef>
#include <cstdint>

namespace berth::core {

namespace {

/// Bytes of the sequence that starts with `lead`; 0 for a byte that cannot start one.
size_t sequence_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool is_control(uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0);
}

/// The smallest code point that needs this many bytes: anything below is an overlong form.
uint32_t smallest(size_t bytes) {
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  return kSmallest[bytes];
}

/// Valid UTF-8 in which `allowed` holds for every code point outside printable ASCII.
template <typename Allowed>
bool all_points(std::string_view text, Allowed&& allowed) {
  for (size_t at = 0; at < text.size();) {
    if (text[at] >= 0x20 && text[at] < 0x7F) {
      ++at;
      continue;
    }
    auto lead = static_cast<unsigned char>(text[at]);
    size_t bytes = sequence_bytes(lead);
    if (bytes == 0 || at + bytes > text.size()) return false;
    uint32_t point = bytes == 1 ? lead : lead & (0xFFu >> (bytes + 1));
    for (size_t i = 1; i < bytes; ++i) {
      auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3F);
    }
    bool surrogate = point >= 0xD800 && point < 0xE000;
    if (point < smallest(bytes) || point > 0x10FFFF || surrogate || !allowed(point)) return false;
    at += bytes;
  }
  return true;
}

}  // namespace

bool is_clean_text(std::string_view text) {
  return all_points(text, [](uint32_t point) { return !is_control(point); });
}

bool is_program_text(std::string_view text) {
  return all_points(text, [](uint32_t point) { return point != 0; });
}

}  // namespace berth::core
