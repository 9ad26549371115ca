#include "core/plan/predictor.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::core {
namespace {

TEST(Predictor, KnowsNothingBeforeItHasSeenAnything) {
  Predictor predictor;
  EXPECT_FALSE(predictor.forecast({"train", "ann", "gpu", 4, {}}).known);
  predictor.learn({"train", "ann", "gpu", 4, {}}, 0);
  predictor.learn({"train", "ann", "gpu", 4, {}}, -1);
  predictor.learn({"train", "ann", "gpu", 4, {}}, std::nan(""));
  EXPECT_FALSE(predictor.forecast({"train", "ann", "gpu", 4, {}}).known);
}

TEST(Predictor, GoesFromTheGeneralToTheSpecificAsItSeesMore) {
  Predictor predictor;
  for (int i = 0; i < 50; ++i)
    predictor.learn({"other", "bob", "cpu", 1, {}}, 10);
  EXPECT_NEAR(predictor.forecast({"train", "ann", "gpu", 8, {}}).median, 10, 1)
      << "like all others";
  predictor.learn({"train", "ann", "gpu", 8, {}}, 1'000);
  const double after_one = predictor.forecast({"train", "ann", "gpu", 8, {}}).median;
  EXPECT_GT(after_one, 50);
  for (int i = 0; i < 30; ++i)
    predictor.learn({"train", "ann", "gpu", 8, {}}, 1'000);
  EXPECT_NEAR(predictor.forecast({"train", "ann", "gpu", 8, {}}).median, 1'000, 100);
  EXPECT_NEAR(predictor.forecast({"other", "bob", "cpu", 1, {}}).median, 10, 1) << "others stay";
}

TEST(Predictor, FollowsADrift) {
  Predictor predictor;
  const JobTraits job = {"etl", "ann", "cpu", 2, {}};
  for (int i = 0; i < 200; ++i)
    predictor.learn(job, 100);
  for (int i = 0; i < 100; ++i)
    predictor.learn(job, 400);
  EXPECT_NEAR(predictor.forecast(job).median, 400, 60);
}

TEST(Predictor, GivesAnIntervalThatHoldsAsOftenAsItSays) {
  Predictor predictor;
  Rng rng(7);
  auto noise = [&] {
    double sum = 0;
    for (int i = 0; i < 12; ++i)
      sum += rng.unit();
    return std::exp((sum - 6) * 0.5);
  };
  const JobTraits job = {"sim", "ann", "cpu", 2, {}};
  for (int i = 0; i < 300; ++i)
    predictor.learn(job, 60 * noise());
  const Forecast forecast = predictor.forecast(job);
  int inside = 0;
  for (int i = 0; i < 1'000; ++i) {
    const double value = 60 * noise();
    inside += value >= forecast.low && value <= forecast.high ? 1 : 0;
  }
  EXPECT_GT(inside, 700);
  EXPECT_LT(inside, 900);
}

TEST(Predictor, ExpectsWhatOutlivesItsForecastToGoOn) {
  Predictor predictor;
  Rng rng(3);
  const JobTraits job = {"sim", "ann", "cpu", 2, {}};
  for (int i = 0; i < 100; ++i)
    predictor.learn(job, 50 + 100 * rng.unit());
  const Forecast first = predictor.forecast(job);
  double last = first.median;
  for (double so_far : {10.0, 100.0, 200.0, 1'000.0}) {
    const Forecast now = beyond(first, so_far);
    EXPECT_GE(now.median, so_far);
    EXPECT_GE(now.median, last);
    EXPECT_LE(now.low, now.median);
    EXPECT_GE(now.high, now.median);
    last = now.median;
  }
}

// Bisection to the last digit took four microseconds for each of ten thousand running jobs.
TEST(Predictor, HalfOfThoseThatRunOnTakeLongerThanTheMiddle) {
  Rng rng(5);
  Moments seen;
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) {
    double sum = 0;
    for (int k = 0; k < 12; ++k)
      sum += rng.unit();
    values.push_back(60 * std::exp((sum - 6) * 0.8));
    seen.learn(values.back());
  }
  seen.mean = std::log(60);
  seen.variance = 0.64;
  Belief belief;
  belief.narrow(seen);
  for (double so_far : {1.0, 30.0, 60.0, 120.0, 200.0}) {
    const Forecast rest = beyond(belief.forecast(), so_far);
    EXPECT_NEAR(belief.median(so_far), rest.median, 1e-6 * rest.median) << so_far;
    double all = 0;
    double more = 0;
    double most = 0;
    for (double value : values) {
      if (value <= so_far) continue;
      ++all;
      more += value > rest.median ? 1 : 0;
      most += value > rest.high ? 1 : 0;
    }
    EXPECT_NEAR(more / all, 0.5, 0.03) << so_far;
    EXPECT_NEAR(most / all, 0.1, 0.03) << so_far;
  }
}

// Tsafrir's rule: the mean of the user's last two jobs. Here each user has programs of their own
// lengths, as users have.
TEST(Predictor, IsNearerThanTheMeanOfTheUsersLastTwo) {
  Predictor predictor;
  Rng rng(11);
  std::array<std::array<double, 2>, 8> last_two{};
  double ours = 0;
  double theirs = 0;
  for (int i = 0; i < 4'000; ++i) {
    const size_t user = rng.below(8);
    const size_t program = rng.below(4);
    const double value =
        std::exp(static_cast<double>(program + user % 3) * 1.2) * 10 * (0.7 + 0.6 * rng.unit());
    const std::string name = "p" + std::to_string(program);
    const std::string who = "u" + std::to_string(user);
    const JobTraits job = {name, who, "batch", 1, {}};
    if (i > 200) {
      ours += std::abs(std::log(predictor.forecast(job).median / value));
      theirs += std::abs(std::log((last_two[user][0] + last_two[user][1]) / 2 / value));
    }
    predictor.learn(job, value);
    last_two[user] = {last_two[user][1], value};
  }
  EXPECT_LT(ours, theirs / 3);
}

}  // namespace
}  // namespace berth::core
