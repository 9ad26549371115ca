#include "tools/cli/table.h"

#include <gtest/gtest.h>

#include "tools/cli/terminal.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

TEST(Table, LinesItsColumnsUp) {
  Table table({{"NAME"}, {"N", Table::Align::Right}, {"LAST"}});
  table.add({"a", "1", "x"});
  table.add({"longer", "100", ""});
  EXPECT_EQ(table.text(), "NAME      N  LAST\na         1  x\nlonger  100\n");
}

TEST(Table, CountsLettersNotBytesAndDefusesControlCharacters) {
  Table table({{"A"}, {"B"}});
  table.add({"\xC3\xA4\xC3\xB6", "x"});
  table.add({"\033[2J", "y"});
  EXPECT_EQ(table.text(), "A     B\n\xC3\xA4\xC3\xB6    x\n?[2J  y\n");
}

TEST(Table, IsBoldOnlyWhenAsked) {
  Table table(std::vector<Table::Column>{{"A"}});
  EXPECT_EQ(table.text(true), "\033[1mA\033[0m\n");
}

TEST(CutTo, KeepsWhatFitsAndEveryEscapeSequence) {
  struct Case {
    const char* what;
    const char* text;
    size_t rows;
    size_t columns;
    const char* cut;
  };
  const Case cases[] = {
      {"all of it fits", "ab\ncd\n", 3, 2, "ab\ncd\n"},
      {"too many lines", "a\nb\nc\n", 2, 9, "a\nb"},
      {"too long a line", "abc\nd", 2, 2, "ab\nd"},
      {"an escape takes no room", "\033[1mab\033[0m", 1, 1, "\033[1ma\033[0m"},
      {"a letter of two bytes is whole or absent", "\xC3\xA4\xC3\xB6", 1, 1, "\xC3\xA4"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(cut_to(each.text, each.rows, each.columns), each.cut) << each.what;
  }
}

TEST(WorkerState, SaysEverythingThatKeepsTasksAway) {
  client::Worker worker{.status = client::WorkerStatus::Online};
  EXPECT_EQ(worker_state(worker), "online");
  worker.cooldown = client::Milliseconds(1);
  EXPECT_EQ(worker_state(worker), "online,cooling");
  worker.cordoned = true;
  worker.draining = true;
  EXPECT_EQ(worker_state(worker), "online,cordoned,draining,cooling");
}

}  // namespace
}  // namespace berth::cli
