#include "net/text/whole_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

// A folder opens, and only reading it fails: a stream of the standard library threw, and the
// program that asked for `--problem /tmp` was gone.
TEST(WholeFile, SaysWhyAFileCannotBeRead) {
  const std::string here = testing::TempDir();
  const std::string file = here + "/berth_whole_file_test";
  std::ofstream(file) << std::string("ab\0cd", 5);
  struct Case {
    const char* what;
    std::string path;
    size_t bytes_max;
    std::string text;
    std::string problem;
  };
  const Case cases[] = {
      {"a file", file, kWholeFileMax, std::string("ab\0cd", 5), ""},
      {"as large as it may be", file, 5, std::string("ab\0cd", 5), ""},
      {"an empty one", "/dev/null", kWholeFileMax, "", ""},
      {"a folder", "/", kWholeFileMax, "", "'/' cannot be read (Is a directory)"},
      {"nothing", "/no/file", 9, "", "'/no/file' cannot be read (No such file or directory)"},
      {"too large", file, 4, "", "'" + file + "' has more than 4 bytes"},
      {"without an end", "/dev/zero", 100'000, "", "'/dev/zero' has more than 100000 bytes"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    std::string text = "of before";
    std::string problem;
    EXPECT_EQ(read_whole_file(c.path, text, problem, c.bytes_max), c.problem.empty());
    EXPECT_EQ(problem, c.problem);
    if (c.problem.empty()) {
      EXPECT_EQ(text, c.text);
    }
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace berth::net
