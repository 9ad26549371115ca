#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace berth::agent {

/// A small kernel file, whole and without the newline at its end; null where it cannot be read.
inline std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text;
}

/// A whole number at the start of `text`; null when there is none or it does not fit 64 bits.
inline std::optional<int64_t> parse_number(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

inline std::optional<int64_t> read_number(const std::filesystem::path& path) {
  std::optional<std::string> text = read_text(path);
  return text ? parse_number(*text) : std::nullopt;
}

/// The number after `key` in a file of `key number` lines, such as memory.stat.
inline std::optional<int64_t> read_keyed(const std::filesystem::path& path, std::string_view key) {
  std::ifstream file(path);
  std::string word;
  int64_t number = 0;
  while (file >> word >> number) {
    if (word == key) return number;
  }
  return std::nullopt;
}

}  // namespace berth::agent
