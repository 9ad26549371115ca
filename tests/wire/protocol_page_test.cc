#include <fstream>
#include <set>
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

// Parts of a message are described by the fields that hold them.
const std::set<std::string> kParts = {
    "Label",
    "NamedAmount",
    "Usage",
    "Capacity",
    "Demand",
    "Requirements",
    "Elimination",
    "Explanation",
    "GpuDevice",
    "WorkerRow",
    "Stat",
    "TagCount",
    "Envelope"};

TEST(ProtocolPage, MentionsEveryMessageAndEveryField) {
  const std::string page = read_file("docs/protocol.md");
  std::istringstream schema(read_file("wire/schema/berth.fbs"));
  std::string inside;
  int fields = 0;
  // `table Name {` and `struct Name {` at the margin, then `  field:type;` to the closing brace.
  for (std::string line; std::getline(schema, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "table" || first == "struct") {
      words >> inside;
      EXPECT_TRUE(kParts.contains(inside) || mentions(page, inside)) << "message " << inside;
    } else if (line.starts_with('}')) {
      inside.clear();
    } else if (const size_t colon = first.find(':'); !inside.empty() && colon != first.npos) {
      if (inside == "Envelope") continue;
      ++fields;
      const std::string field = first.substr(0, colon);
      EXPECT_TRUE(mentions(page, field)) << "field " << field << " of " << inside;
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
  check_tokens(page, event_kind_token);
  check_tokens(page, server_change_token);
  check_tokens(page, plan_of_token);
  check_tokens(page, no_place_token);
  check_tokens(page, job_state_token);
  check_tokens(page, error_class_token);
  check_tokens(page, runner_token);
  check_tokens(page, job_hold_token);
  check_tokens(page, job_action_token);
  check_tokens(page, output_stream_token);
  check_tokens(page, report_kind_token);
  check_tokens(page, verdict_token);
  check_tokens(page, plan_cause_token);
  check_tokens(page, plan_objective_token);
  check_tokens(page, plan_outcome_token);
  check_tokens(page, plan_change_token);
  check_tokens(page, planned_state_token);
  check_tokens(page, planner_state_token);
}

}  // namespace
}  // namespace berth::wire
