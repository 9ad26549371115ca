#include "net/log/log.h"

#include <gtest/gtest.h>

namespace berth::net::log {
namespace {

TEST(Log, ALineStaysALineWhateverItSays) {
  name_thread("shard-0");
  EXPECT_EQ(
      format_text("it happened", {{"count", 3}, {"who", "a b"}, {"what", "x\n\"y\""}}),
      R"(shard-0: it happened count=3 who="a b" what="x\u000a\"y\"")");
  EXPECT_EQ(
      format_json("it \"happened\"", {{"count", -3}, {"what", "x\n\\"}}),
      R"("thread":"shard-0","message":"it \"happened\"","count":-3,"what":"x\u000a\\")");
}

TEST(Log, APlaceThatRepeatsItselfIsHeldBackAndCounted) {
  Site site;
  uint64_t suppressed = 0;
  uint32_t admitted = 0;
  for (int i = 0; i < 1000; ++i)
    admitted += site.admit(suppressed) ? 1 : 0;
  EXPECT_EQ(admitted, Site::kBurst);
}

TEST(Log, LevelsAndFormatsHaveOneSpellingEach) {
  for (const char* name : {"debug", "info", "warning", "error", "off"}) {
    Level level = Level::Off;
    EXPECT_TRUE(parse_level(name, level));
    EXPECT_STREQ(level_name(level), name);
  }
  for (const char* name : {"auto", "text", "json"}) {
    Format format = Format::Auto;
    EXPECT_TRUE(parse_format(name, format));
    EXPECT_STREQ(format_name(format), name);
  }
  Level level = Level::Off;
  EXPECT_FALSE(parse_level("loud", level));
}

}  // namespace
}  // namespace berth::net::log
