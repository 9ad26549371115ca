#include "core/base/text.h"

#include <string>

#include <gtest/gtest.h>

namespace berth::core {
namespace {

TEST(Text, IsCleanWhenItIsUtf8WithoutControlCharacters) {
  const struct {
    const char* name;
    std::string_view text;
    bool clean;
  } cases[] = {
      {"empty", "", true},
      {"plain", "gpu-a100.eu_1", true},
      {"two bytes", "caf\xC3\xA9", true},
      {"four bytes", "\xF0\x9F\x9A\x80", true},
      {"the last code point", "\xF4\x8F\xBF\xBF", true},
      {"line feed", "a\nb", false},
      {"nul", std::string_view("a\0b", 3), false},
      {"escape", "\x1b[2J", false},
      {"delete", "\x7F", false},
      {"C1 control", "\xC2\x85", false},
      {"lone continuation", "\x80", false},
      {"cut short", "\xE2\x82", false},
      {"overlong slash", "\xC0\xAF", false},
      {"overlong three", "\xE0\x80\xAF", false},
      {"surrogate", "\xED\xA0\x80", false},
      {"beyond Unicode", "\xF4\x90\x80\x80", false},
      {"wrong continuation", "\xC3(", false},
  };
  for (const auto& one : cases)
    EXPECT_EQ(is_clean_text(one.text), one.clean) << one.name;
}

TEST(Text, IsForProgramsWhenItIsUtf8WithoutNul) {
  const struct {
    const char* name;
    std::string_view text;
    bool fit;
  } cases[] = {
      {"empty", "", true},
      {"a script", "set -e\n\techo caf\xC3\xA9\r\n", true},
      {"escape and delete", "\x1b[2J\x7F", true},
      {"C1 control", "\xC2\x85", true},
      {"nul", std::string_view("a\0b", 3), false},
      {"overlong nul", "\xC0\x80", false},
      {"not UTF-8", "\xFF\xFE", false},
      {"surrogate", "\xED\xA0\x80", false},
  };
  for (const auto& one : cases)
    EXPECT_EQ(is_program_text(one.text), one.fit) << one.name;
}

}  // namespace
}  // namespace berth::core
