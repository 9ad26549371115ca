#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace berth::agent {

/// A small kernel file, whole and without the newline at its end; null where it cannot be read.
/// Kernel files may open and then fail to be read: the speed of an interface that is down does.
inline std::optional<std::string> read_text(const std::filesystem::path& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return std::nullopt;
  std::string text;
  char block[4096];
  while (size_t bytes = std::fread(block, 1, sizeof block, file.get()))
    text.append(block, bytes);
  if (std::ferror(file.get()) != 0) return std::nullopt;
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
