#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/net/store/store_folder.h"
#include "tests/net/support/running_server.h"
#include "wire/spec.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

std::string text_of(const char* name) {
  std::ostringstream text;
  text << std::ifstream(std::string(BERTH_TEST_DATA "/") + name).rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

std::vector<std::byte> spec_of(std::string_view program, uint32_t elements = 0) {
  wire::SpecEncoder encoder;
  wire::JobSpec spec;
  spec.command = {&program, 1};
  spec.is_array = elements > 0;
  spec.array_last = elements > 0 ? elements - 1 : 0;
  const std::span<const std::byte> bytes = encoder.encode(spec);
  return {bytes.begin(), bytes.end()};
}

/// The answer in a line: `repeated 1x1 2x3`, or the refusal.
std::string submit(RunningServer& running, const std::vector<std::vector<std::byte>>& specs) {
  WirePeer peer(running.server.wire_address());
  EXPECT_TRUE(peer.greet());
  const std::vector<std::span<const std::byte>> spans(specs.begin(), specs.end());
  wire::SubmitJobs jobs;
  jobs.request = "ask-1";
  jobs.specs = spans;
  const WirePeer::Answer answer = peer.ask(jobs);
  if (const auto* refused = std::get_if<wire::Refused>(&answer.reply)) {
    return std::string(wire::refusal_token(refused->code));
  }
  const auto* done = std::get_if<wire::JobsSubmitted>(&answer.reply);
  if (done == nullptr) return "another answer";
  std::string line = done->repeated ? "repeated" : "new";
  for (const wire::SubmittedJob& job : done->jobs)
    line += " " + std::to_string(job.first.value) + "x" + std::to_string(job.count);
  return line;
}

// A submit whose answer was lost is sent again, and between the two the server may have been
// replaced by one that keeps digests. Rows of before have none, and must not make a repetition new
// jobs, nor refuse it.
TEST(OlderSubmit, IsRepeatedWithItsRequestIdHoweverOftenTheServerStarts) {
  const StoreFolder folder;
  { std::ofstream create(folder.file()); }
  folder.execute(text_of("version1.sql") + text_of("version3.sql"));
  // Request ids are kept for a while only.
  folder.execute("UPDATE submits SET at_ms = 1000 * CAST(strftime('%s', 'now') AS INTEGER)");
  ASSERT_EQ(folder.ask("PRAGMA user_version"), "3");
  ServerConfig config = RunningServer::quiet_config();
  config.store.path = folder.file();
  for (const char* start : {"the first", "one that finds the file up to date"}) {
    RunningServer running(config);
    struct Case {
      const char* what;
      std::vector<std::vector<std::byte>> specs;
      const char* answer;
    };
    const Case cases[] = {
        {"the same again", {spec_of("train"), spec_of("sweep", 3)}, "repeated 1x1 2x3"},
        {"as many of others: nobody knows any more",
         {spec_of("other"), spec_of("else", 3)},
         "repeated 1x1 2x3"},
        {"another number of elements", {spec_of("train"), spec_of("sweep", 4)}, "conflict"},
        {"one of the two", {spec_of("train")}, "conflict"},
        {"one more", {spec_of("train"), spec_of("sweep", 3), spec_of("train")}, "conflict"},
    };
    for (const Case& c : cases)
      EXPECT_EQ(submit(running, c.specs), c.answer) << c.what << ", " << start;
  }
  EXPECT_EQ(folder.ask("SELECT count(*) FROM submits"), "1");
  EXPECT_EQ(folder.ask("SELECT max(id) FROM jobs"), "2") << "an array is one row";
}

}  // namespace
}  // namespace berth::net
