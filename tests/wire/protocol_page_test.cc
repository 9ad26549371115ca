#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "wire/tokens.h"

// docs/protocol.md is what other implementations are written from: what it leaves out does not
// exist for them.
namespace berth::wire {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(std::string(BERTH_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool mentions(const std::string& page, const std::string& word) {
  return page.find("`" + word + "`") != std::string::npos;
}

TEST(ProtocolPage, MentionsEveryMessageAndEveryField) {
  const std::string page = read_file("docs/protocol.md");
  // Parts of a message are described by the fields that hold them.
  const std::regex part(
      "Label|NamedAmount|Usage|Capacity|Demand|Requirements|Elimination|"
      "Explanation|GpuDevice|WorkerRow|Stat|TagCount");
  std::istringstream schema(read_file("wire/schema/berth.fbs"));
  const std::regex table("^(table|struct) (\\w+) \\{.*");
  const std::regex field("^  (\\w+):\\[?\\w+\\]?.*;$");
  std::string inside;
  int fields = 0;
  for (std::string line; std::getline(schema, line);) {
    std::smatch match;
    if (std::regex_match(line, match, table)) {
      inside = match[2];
      if (inside == "Envelope" || std::regex_match(inside, part)) continue;
      EXPECT_TRUE(mentions(page, inside)) << "message " << inside;
    } else if (std::regex_match(line, match, field) && inside != "Envelope") {
      ++fields;
      EXPECT_TRUE(mentions(page, match[1])) << "field " << match[1] << " of " << inside;
    }
  }
  EXPECT_GT(fields, 120) << "the schema was not understood";
}

template <typename Enum>
void check_tokens(const std::string& page, Text (*token)(Enum)) {
  for (int i = 0; token(static_cast<Enum>(i)) != "unknown"; ++i) {
    const std::string word(token(static_cast<Enum>(i)));
    EXPECT_TRUE(mentions(page, word)) << word;
  }
}

TEST(ProtocolPage, MentionsEveryToken) {
  const std::string page = read_file("docs/protocol.md");
  check_tokens(page, refusal_token);
  check_tokens(page, policy_token);
  check_tokens(page, worker_status_token);
  check_tokens(page, worker_action_token);
  check_tokens(page, worker_change_token);
  check_tokens(page, no_place_token);
}

}  // namespace
}  // namespace berth::wire
