#include "loadgen/jobs/job_submitter.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/loadgen/jobs/sent_frames.h"

namespace berth::loadgen {
namespace {

// A submitter and a server that answers it, in memory.
struct World {
  explicit World(uint32_t depth)
      : submitter({"test-", depth, specs.runnable()}, frames.encoder, book) {}

  // The jobs of all submits that were sent, answered; what the requests were called.
  std::vector<std::string> serve(core::Instant now) {
    std::vector<std::string> names;
    frames.each(out, [&](wire::RequestId id, const wire::Request& request) {
      const auto& submit = std::get<wire::SubmitJobs>(request);
      names.emplace_back(submit.request);
      std::vector<wire::SubmittedJob> jobs;
      for (size_t i = 0; i < submit.specs.size(); ++i)
        jobs.push_back({.first = {next_job++}, .count = 1});
      submitter.on_reply(now, id, wire::JobsSubmitted{.jobs = jobs});
    });
    return names;
  }

  SentFrames frames;
  JobSpecs specs{1};
  JobBook book{100};
  JobSubmitter submitter;
  Bytes out;
  uint64_t next_job = 1;
};

TEST(JobSubmitter, HoldsItsDepthAndNamesEverySubmitOnce) {
  World world(3);
  std::set<std::string> names;
  for (int round = 0; round < 50; ++round) {
    while (world.submitter.has_room())
      world.submitter.submit({10}, 7, world.out);
    for (const std::string& name : world.serve({30}))
      EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(world.submitter.idle());
  }
  EXPECT_EQ(names.size(), 150u);
  EXPECT_EQ(world.book.tally().submitted, 150u * 7);
  EXPECT_EQ(world.book.tally().submit.count(), 150u * 7) << "each job was submitted";
  EXPECT_EQ(world.book.tally().submit.max().ns, 20);
  EXPECT_EQ(world.book.tally().errors, 0u) << world.book.tally().first_error;
}

TEST(JobSubmitter, MakesWhatWasNotAnsweredAgainUnderItsName) {
  World world(4);
  for (int i = 0; i < 3; ++i)
    world.submitter.submit({10}, 2, world.out);
  world.out.clear();  // lost with the connection
  world.submitter.on_welcome(world.out);
  std::vector<std::string> names = world.serve({20});
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 3u);
  EXPECT_EQ(world.book.tally().submitted, 6u);
  EXPECT_EQ(world.book.in_flight(), 6u) << "sent once, as far as the books are concerned";
  EXPECT_TRUE(world.submitter.idle());
}

TEST(JobSubmitter, WaitsForABusyServer) {
  World world(1);
  world.submitter.submit({10}, 2, world.out);
  world.frames.each(world.out, [&](wire::RequestId id, const wire::Request&) {
    world.submitter.on_reply({20}, id, wire::Refused{.code = wire::Refusal::Busy});
  });
  world.submitter.end_turn({20}, world.out);
  EXPECT_TRUE(world.out.empty());
  world.submitter.end_turn(core::Instant{20} + JobSubmitter::kBusyWait, world.out);
  EXPECT_EQ(world.serve({30'000'000}).size(), 1u);
  EXPECT_EQ(world.book.tally().submitted, 2u);
  EXPECT_EQ(world.book.tally().busy, 1u);
  EXPECT_EQ(world.book.tally().submit.max().ns, 30'000'000 - 10) << "timed from when it was due";
}

TEST(JobSubmitter, TellsOfAnswersThatAreWrong) {
  struct Case {
    const char* name;
    wire::Reply reply;
    bool ends;
  };
  const wire::SubmittedJob one[] = {{.first = {1}, .count = 1}};
  const Case cases[] = {
      {"too few jobs", wire::JobsSubmitted{.jobs = one}, false},
      {"refused for good", wire::Refused{.code = wire::Refusal::LimitReached}, true},
      {"another kind", wire::Pong{}, true},
  };
  for (const Case& c : cases) {
    World world(1);
    world.submitter.submit({10}, 2, world.out);
    world.frames.each(world.out, [&](wire::RequestId id, const wire::Request&) {
      world.submitter.on_reply({20}, id, c.reply);
    });
    EXPECT_EQ(!world.submitter.problem().empty(), c.ends) << c.name;
    EXPECT_EQ(world.book.tally().errors, c.ends ? 0u : 1u) << c.name;
  }
}

}  // namespace
}  // namespace berth::loadgen
