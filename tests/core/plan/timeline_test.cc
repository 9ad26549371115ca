#include "core/plan/timeline.h"

#include <array>

#include <gtest/gtest.h>

#include "core/base/rng.h"

namespace berth::core {
namespace {

/// What is free in every single moment.
class Model {
 public:
  static constexpr Ticks kEnd = 200;

  explicit Model(std::array<Amount, 2> capacity) { free_.fill(capacity); }

  Ticks earliest(Ticks from, Ticks duration, const std::array<Amount, 2>& demand) const {
    for (Ticks start = from; start + duration < kEnd; ++start) {
      bool fits = true;
      for (Ticks at = start; at < start + duration && fits; ++at) {
        const auto& free = free_[static_cast<size_t>(at)];
        fits = demand[0] <= free[0] && demand[1] <= free[1];
      }
      if (fits) return start;
    }
    return kNever;
  }

  void take(Ticks start, Ticks duration, const std::array<Amount, 2>& demand, Amount sign) {
    for (Ticks at = start; at < start + duration; ++at) {
      free_[static_cast<size_t>(at)][0] -= sign * demand[0];
      free_[static_cast<size_t>(at)][1] -= sign * demand[1];
    }
  }

 private:
  std::array<std::array<Amount, 2>, kEnd> free_{};
};

TEST(Timeline, SaysWhatAModelOfEveryMomentSays) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    const std::array<Amount, 2> capacity = {10, 6};
    Timeline timeline(capacity);
    Model model(capacity);
    struct Taken {
      Ticks start;
      Ticks duration;
      std::array<Amount, 2> demand;
    };
    std::vector<Taken> taken;
    for (int i = 0; i < 20; ++i) {
      const std::array<Amount, 2> demand = {
          static_cast<Amount>(rng.below(11)), static_cast<Amount>(rng.below(7))};
      const auto duration = static_cast<Ticks>(rng.below(6));
      const auto from = static_cast<Ticks>(rng.below(40));
      const Ticks start = timeline.earliest(from, duration, demand);
      ASSERT_EQ(start, model.earliest(from, duration, demand)) << "seed " << seed << " step " << i;
      timeline.take(start, duration, demand);
      model.take(start, duration, demand, 1);
      taken.push_back({start, duration, demand});
      if (rng.below(3) != 0) continue;
      const size_t back = rng.below(taken.size());
      const Taken one = taken[back];
      taken.erase(taken.begin() + static_cast<ptrdiff_t>(back));
      timeline.give_back(one.start, one.duration, one.demand);
      model.take(one.start, one.duration, one.demand, -1);
    }
  }
}

TEST(Timeline, NeverFitsWhatIsMoreThanEverything) {
  const std::array<Amount, 1> capacity = {4};
  const std::array<Amount, 1> demand = {5};
  EXPECT_EQ(Timeline(capacity).earliest(0, 1, demand), kNever);
  EXPECT_EQ(Timeline(capacity).earliest(7, 0, demand), 7) << "no length needs no room";
}

}  // namespace
}  // namespace berth::core
