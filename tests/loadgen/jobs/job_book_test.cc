#include "loadgen/jobs/job_book.h"

#include <gtest/gtest.h>

#include "loadgen/jobs/job_specs.h"

namespace berth::loadgen {
namespace {

using core::Instant;

constexpr wire::AssignmentId lease(uint64_t job, uint64_t epoch, uint32_t attempt = 1) {
  return {{job}, epoch, attempt};
}

TEST(JobBook, AJobIsDoneWhenItsSubmitAndItsCompletionAreKnownInAnyOrder) {
  struct Case {
    const char* name;
    bool completed_first;
    int64_t life_ns;
  };
  const Case cases[] = {
      {"the answer to the submit first", false, 400},
      {"the completion first", true, 500},
  };
  for (const Case& c : cases) {
    JobBook book(4);
    book.on_sent(1);
    if (!c.completed_first) book.on_submitted({100}, {300}, {7}, 1);
    EXPECT_EQ(book.on_assigned(lease(7, 1)), JobBook::Offer::New) << c.name;
    EXPECT_EQ(book.in_flight(), 1u) << c.name;
    book.on_completed({7}, {500});
    if (c.completed_first) book.on_submitted({100}, {600}, {7}, 1);
    EXPECT_EQ(book.in_flight(), 0u) << c.name;
    EXPECT_EQ(book.tally().completed, 1u) << c.name;
    EXPECT_EQ(book.tally().errors, 0u) << c.name << book.tally().first_error;
    EXPECT_EQ(book.tally().life.max().ns, c.life_ns) << c.name;
  }
}

TEST(JobBook, WhateverHappensToAJobTwiceIsADuplicate) {
  struct Case {
    const char* name;
    void (*again)(JobBook&);
  };
  const Case cases[] = {
      {"completed twice",
       [](JobBook& book) {
         book.on_completed({7}, {9});
       }},
      {"assigned after its end",
       [](JobBook& book) {
         EXPECT_EQ(book.on_assigned(lease(7, 2)), JobBook::Offer::Wrong);
       }},
      {"given to two submits",
       [](JobBook& book) {
         book.on_submitted({8}, {9}, {7}, 1);
       }},
      {"completed and never known",
       [](JobBook& book) {
         book.on_completed({8}, {9});
       }},
  };
  for (const Case& c : cases) {
    JobBook book(4);
    book.on_sent(1);
    book.on_submitted({1}, {2}, {7}, 1);
    book.on_assigned(lease(7, 1));
    book.on_completed({7}, {3});
    ASSERT_EQ(book.tally().errors, 0u) << c.name;
    c.again(book);
    EXPECT_EQ(book.tally().duplicates, 1u) << c.name;
    EXPECT_EQ(book.tally().errors, 1u) << c.name;
    EXPECT_EQ(book.tally().completed, 1u) << c.name;
  }
}

TEST(JobBook, ALeaseComesAgainOrIsLaterThanTheOneBefore) {
  JobBook book(4);
  book.on_sent(1);
  book.on_submitted({1}, {2}, {7}, 1);
  EXPECT_EQ(book.on_assigned(lease(7, 5)), JobBook::Offer::New);
  EXPECT_EQ(book.on_assigned(lease(7, 5)), JobBook::Offer::Again);
  EXPECT_EQ(book.on_assigned(lease(7, 6)), JobBook::Offer::New) << "the one before was lost";
  EXPECT_EQ(book.tally().errors, 0u);
  EXPECT_EQ(book.on_assigned(lease(7, 4)), JobBook::Offer::Wrong);
  EXPECT_EQ(book.tally().errors, 1u);
}

TEST(JobBook, RangesAreInOrderAndJoined) {
  JobBook book(4);
  book.on_submitted({1}, {2}, {10}, 5);
  book.on_submitted({1}, {2}, {20}, 1);
  book.on_submitted({1}, {2}, {1}, 9);
  book.on_submitted({1}, {2}, {15}, 5);
  book.on_submitted({1}, {2}, {30}, 2);
  const std::vector<wire::JobRange> expected = {{{1}, {20}}, {{30}, {31}}};
  EXPECT_EQ(book.ranges(), expected);
}

TEST(JobBook, AMillionJobsAreCountedOnce) {
  constexpr uint64_t kJobs = 1'000'000;
  JobBook book(100);
  for (uint64_t job = 1; job <= kJobs; job += 100) {
    book.on_sent(100);
    book.on_submitted({1}, {2}, {job}, 100);
    for (uint64_t i = job; i < job + 100; ++i) {
      book.on_assigned(lease(i, i));
      book.on_completed({i}, {3});
    }
  }
  EXPECT_EQ(book.tally().completed, kJobs);
  EXPECT_EQ(book.tally().errors, 0u);
  EXPECT_EQ(book.in_flight(), 0u);
}

TEST(AttemptFails, AsOftenAsAskedTheSameEveryTimeAndNeverTheLast) {
  struct Case {
    double fail;
    uint32_t attempt;
    double expected;
  };
  const Case cases[] = {{0, 1, 0}, {0.1, 1, 0.1}, {0.5, 2, 0.5}, {1, 1, 1}, {1, 2, 1}, {1, 3, 0}};
  for (const Case& c : cases) {
    int failed = 0;
    for (uint64_t job = 1; job <= 20'000; ++job) {
      bool fails = attempt_fails(3, lease(job, job, c.attempt), c.fail);
      EXPECT_EQ(fails, attempt_fails(3, lease(job, job + 9, c.attempt), c.fail));
      failed += fails;
    }
    EXPECT_NEAR(failed / 20'000.0, c.expected, 0.01) << c.fail << " " << c.attempt;
  }
}

TEST(JobSpecs, EachRunHasATagOfItsOwnAndThePendingOnesANobodys) {
  JobSpecs one(1), two(2);
  EXPECT_NE(one.tag(), two.tag());
  wire::SpecDecoder decoder;
  wire::JobSpec spec;
  ASSERT_EQ(decoder.decode(one.runnable(), spec), wire::DecodeStatus::Ok);
  ASSERT_EQ(spec.requirements.all_tags.size(), 1u);
  EXPECT_EQ(spec.requirements.all_tags[0], one.tag());
  EXPECT_EQ(spec.attempts_max, JobSpecs::kAttemptsMax);
  ASSERT_EQ(decoder.decode(one.pending(), spec), wire::DecodeStatus::Ok);
  EXPECT_NE(spec.requirements.all_tags[0], one.tag());
}

}  // namespace
}  // namespace berth::loadgen
