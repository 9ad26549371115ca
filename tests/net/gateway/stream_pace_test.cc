#include "net/gateway/stream_pace.h"

#include <string>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

using core::Duration;
using core::Instant;

Duration core_time;  // of this thread, as the pace is told

/// Takes a millisecond of the core for a piece, and has so many of them.
class Stream final : public PacedStream {
 public:
  Stream(StreamPace& pace, char name, std::string& story, int pieces)
      : pace_(pace), name_(name), story_(story), left_(pieces) {
    pace_.add(*this);
  }
  void next_piece() override {
    const StreamPace::Work inside(pace_);  // as an answer that comes at once is
    story_ += name_;
    core_time = core_time + Duration::milliseconds(1);
    if (--left_ > 0) pace_.add(*this);
  }

 private:
  StreamPace& pace_;
  const char name_;
  std::string& story_;
  int left_;
};

class StreamPaceTest : public ::testing::Test {
 protected:
  /// A turn of the loop each millisecond; what was made in them, `.` for nothing.
  std::string turns(int count) {
    const size_t from = story.size();
    for (int i = 0; i < count; ++i) {
      const size_t before = story.size();
      now = now + Duration::milliseconds(1);
      pace.on_turn_end(now);
      if (story.size() == before) story += '.';
    }
    return story.substr(from);
  }

  StreamPace pace{[] {
    return core_time;
  }};
  Instant now{1'000'000'000'000};
  std::string story;
};

TEST_F(StreamPaceTest, APauseIsThreeTimesAsLongAsTheWorkBeforeIt) {
  Stream a(pace, 'a', story, 4);
  EXPECT_EQ(turns(14), "aa..a...a.....") << "the first two come at once after a long silence";
  EXPECT_FALSE(pace.waited_for());
}

TEST_F(StreamPaceTest, AsManyAsThereAreShareTheWorkOfOneInTheOrderInWhichTheyCame) {
  Stream a(pace, 'a', story, 3);
  Stream b(pace, 'b', story, 3);
  Stream c(pace, 'c', story, 1);
  EXPECT_EQ(turns(26), "ab..c...a...b...a...b.....");
}

TEST_F(StreamPaceTest, NothingIsSavedUpForLaterInASilence) {
  Stream a(pace, 'a', story, 1);
  turns(1);
  turns(1000);
  Stream b(pace, 'b', story, 4);
  EXPECT_EQ(turns(10), "bb..b...b.");
}

TEST_F(StreamPaceTest, WorkBetweenTheTurnsCountsToo) {
  {
    const StreamPace::Work reply(pace);
    core_time = core_time + Duration::milliseconds(2);
  }
  Stream a(pace, 'a', story, 1);
  EXPECT_EQ(turns(6), "....a.");
}

TEST_F(StreamPaceTest, WhatOthersDoBetweenTwoPiecesCostsNoPause) {
  Stream a(pace, 'a', story, 4);
  EXPECT_EQ(turns(2), "aa");
  core_time = core_time + Duration::milliseconds(100);  // other requests
  EXPECT_EQ(turns(8), "..a...a.");
}

TEST_F(StreamPaceTest, WhoHasGoneIsNotAskedForMore) {
  Stream a(pace, 'a', story, 3);
  Stream b(pace, 'b', story, 2);
  pace.remove(a);
  EXPECT_EQ(turns(6), "bb....");
}

}  // namespace
}  // namespace berth::net
