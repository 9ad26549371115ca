#include "net/store/row_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::net {
namespace {

using testing::ElementsAre;

TEST(RowText, ListsReadAsTheyWereWritten) {
  std::string text;
  std::vector<uint16_t> gpus;
  const uint16_t devices[] = {0, 65535};
  gpus_text(devices, text);
  EXPECT_EQ(text, "[0,65535]");
  EXPECT_TRUE(read_gpus(text, gpus));
  EXPECT_THAT(gpus, ElementsAre(0, 65535));

  std::vector<wire::JobRange> ranges;
  const wire::JobRange jobs[] = {{{7}, {7}}, {{8}, {~uint64_t{0}}}};
  ranges_text(jobs, text);
  EXPECT_EQ(text, "7,8-18446744073709551615");
  EXPECT_TRUE(read_ranges(text, ranges));
  EXPECT_THAT(ranges, ElementsAre(jobs[0], jobs[1]));

  OutputList outputs;
  const std::string odd = std::string("a\0b\x1f\"\\/\xc3\xa4", 9);
  const wire::OutputFile files[] = {{odd, "p", ~uint64_t{0}, "", true}};
  outputs_text(files, text);
  EXPECT_TRUE(read_outputs(text, outputs));
  ASSERT_EQ(outputs.files.size(), 1u);
  EXPECT_EQ(outputs.files[0].name, odd);
  EXPECT_EQ(outputs.files[0].bytes, ~uint64_t{0});
  EXPECT_TRUE(outputs.files[0].truncated);
}

TEST(RowText, AnEmptyListIsEmptyText) {
  std::string text = "before";
  labels_text({}, text);
  EXPECT_EQ(text, "");
  std::vector<uint16_t> gpus = {1};
  EXPECT_TRUE(read_gpus("", gpus));
  EXPECT_THAT(gpus, ElementsAre());
}

TEST(RowText, WhatIsNotOfTheFormIsRefused) {
  std::vector<uint16_t> gpus;
  for (const char* text : {"[", "[1", "[1,]", "1", "[65536]", "[-1]", "[1]x", "[]"})
    EXPECT_FALSE(read_gpus(text, gpus)) << text;
  std::vector<wire::JobRange> ranges;
  for (const char* text : {"-", "1-", "1,", ",1", "1 2", "99999999999999999999"})
    EXPECT_FALSE(read_ranges(text, ranges)) << text;
  OutputList outputs;
  for (const char* text : {"{", "{}", "[1]", "[{]", "null"})
    EXPECT_FALSE(read_outputs(text, outputs)) << text;
}

}  // namespace
}  // namespace berth::net
