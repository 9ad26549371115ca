#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/jobs/check_spec.h"
#include "tests/core/jobs/seeds.h"

namespace berth::core {
namespace {

using testing::ElementsAre;
using wire::JobSpec;
using wire::Runner;

TEST(PlaceOf, ARunnerIsATagThatTheWorkerHas) {
  const struct {
    const char* name;
    Runner runner;
    const char* image;
    std::vector<std::string_view> all;
    std::vector<std::string_view> any;
  } cases[] = {
      {"a process", Runner::Process, "", {"a", "runner:process"}, {}},
      {"a sandbox", Runner::Sandbox, "", {"a", "runner:sandbox"}, {}},
      {"a container", Runner::Container, "i", {"a", "runner:container"}, {}},
      {"an image, by any", Runner::Any, "i", {"a", "runner:container"}, {}},
      {"a command, by any", Runner::Any, "", {"a"}, {"runner:process", "runner:sandbox"}},
  };
  static constexpr std::string_view kTag[] = {"a"};
  static constexpr std::string_view kGroup[] = {"b", "c"};
  static const wire::TextList groups[] = {kGroup};
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    JobSpec spec;
    spec.runner = each.runner;
    spec.image = each.image;
    spec.requirements.all_tags = kTag;
    spec.requirements.any_tags = groups;
    Arena text;
    const wire::Place place = place_of(spec, text);
    EXPECT_TRUE(std::ranges::equal(place.requirements.all_tags, each.all));
    ASSERT_EQ(place.requirements.any_tags.size(), each.any.empty() ? 1u : 2u);
    EXPECT_THAT(place.requirements.any_tags[0], ElementsAre("b", "c"));
    if (each.any.empty()) continue;
    EXPECT_TRUE(std::ranges::equal(place.requirements.any_tags[1], each.any));
  }
}

TEST(PlaceOf, TheRestIsAsTheJobSays) {
  JobSpec spec;
  spec.priority = 7;
  spec.policy = wire::Policy::Pack;
  spec.demand.slots = 3;
  spec.requirements.spread_by = "zone";
  Arena text;
  const wire::Place place = place_of(spec, text);
  EXPECT_EQ(place.priority, 7);
  EXPECT_EQ(place.policy, wire::Policy::Pack);
  EXPECT_EQ(place.demand.slots, 3);
  EXPECT_EQ(place.requirements.spread_by, "zone");
  EXPECT_EQ(place.task, "");
  EXPECT_EQ(place.wait_ms, 0u);
}

std::string key_of(const JobSpec& spec) {
  std::string key;
  append_class_key(spec, key);
  return key;
}

TEST(ClassKey, IsAppended) {
  std::string key = "before";
  append_class_key({}, key);
  EXPECT_EQ(key, "before" + key_of({}));
}

TEST(ClassKey, IsTheSameWhateverTheJobIsCalled) {
  static constexpr std::string_view kCommand[] = {"sleep", "1"};
  static constexpr wire::Label kLabel[] = {{"a", "b"}};
  JobSpec spec;
  spec.name = "name";
  spec.queue = "queue";
  spec.tenant = "tenant";
  spec.labels = kLabel;
  spec.command = kCommand;
  spec.env = kLabel;
  spec.working_dir = "/srv";
  spec.stdin_text = "text";
  spec.priority = 5;
  spec.deadline_at_ms = 7;
  spec.meta = kLabel;
  spec.demand.gpu_milli = 1'000;  // of no device
  EXPECT_EQ(key_of(spec), key_of({}));
}

TEST(ClassKey, TellsApartWhatStandsInDifferentFields) {
  static constexpr std::string_view kA[] = {"a"};
  static constexpr std::string_view kBoth[] = {"a", "b"};
  static constexpr std::string_view kJoined[] = {"ab"};
  static constexpr wire::Label kLabels[] = {{"a", ""}};
  static constexpr wire::Label kOtherLabels[] = {{"", "a"}};
  static const wire::TextList groups[] = {kA};
  static const wire::TextList both_groups[] = {kA, kA};
  static const wire::TextList other_group[] = {kBoth};
  static const wire::TextList split_groups[] = {kA, kJoined};
  static constexpr wire::NamedAmount kCustom[] = {{"a", 1}};
  static constexpr wire::NamedAmount kMore[] = {{"a", 2}};
  const std::vector<std::pair<const char*, void (*)(JobSpec&)>> specs = {
      {"nothing",
       [](JobSpec&) {
       }},
      {"process",
       [](JobSpec& s) {
         s.runner = Runner::Process;
       }},
      {"sandbox",
       [](JobSpec& s) {
         s.runner = Runner::Sandbox;
       }},
      {"image",
       [](JobSpec& s) {
         s.image = "i";
       }},
      {"policy",
       [](JobSpec& s) {
         s.policy = wire::Policy::Spread;
       }},
      {"slots",
       [](JobSpec& s) {
         s.demand.slots = 2;
       }},
      {"cpu",
       [](JobSpec& s) {
         s.demand.cpu_milli = 300;
       }},
      {"memory",
       [](JobSpec& s) {
         s.demand.memory_mib = 300;
       }},
      {"disk",
       [](JobSpec& s) {
         s.demand.disk_mib = 300;
       }},
      {"network",
       [](JobSpec& s) {
         s.demand.network_mbit = 300;
       }},
      {"gpu",
       [](JobSpec& s) {
         s.demand.gpu_count = 1, s.demand.gpu_milli = 1'000;
       }},
      {"half",
       [](JobSpec& s) {
         s.demand.gpu_count = 1, s.demand.gpu_milli = 500;
       }},
      {"model",
       [](JobSpec& s) {
         s.demand.gpu_count = 1, s.demand.gpu_milli = 500, s.demand.gpu_models = kA;
       }},
      {"custom",
       [](JobSpec& s) {
         s.demand.custom = kCustom;
       }},
      {"more custom",
       [](JobSpec& s) {
         s.demand.custom = kMore;
       }},
      {"all",
       [](JobSpec& s) {
         s.requirements.all_tags = kA;
       }},
      {"all of two",
       [](JobSpec& s) {
         s.requirements.all_tags = kBoth;
       }},
      {"all of two joined",
       [](JobSpec& s) {
         s.requirements.all_tags = kJoined;
       }},
      {"any",
       [](JobSpec& s) {
         s.requirements.any_tags = groups;
       }},
      {"any of two",
       [](JobSpec& s) {
         s.requirements.any_tags = other_group;
       }},
      {"any twice",
       [](JobSpec& s) {
         s.requirements.any_tags = split_groups;
       }},
      {"none",
       [](JobSpec& s) {
         s.requirements.none_tags = kA;
       }},
      {"affinity",
       [](JobSpec& s) {
         s.requirements.affinity = kLabels;
       }},
      {"affinity of a value",
       [](JobSpec& s) {
         s.requirements.affinity = kOtherLabels;
       }},
      {"anti-affinity",
       [](JobSpec& s) {
         s.requirements.anti_affinity = kLabels;
       }},
      {"spread",
       [](JobSpec& s) {
         s.requirements.spread_by = "a";
       }},
      {"exclude",
       [](JobSpec& s) {
         s.requirements.exclude_workers = kA;
       }},
  };
  std::map<std::string, std::string> keys;
  for (const auto& [name, change] : specs) {
    JobSpec spec;
    change(spec);
    auto [found, added] = keys.emplace(key_of(spec), name);
    EXPECT_TRUE(added) << name << " and " << found->second;
  }
  JobSpec once;
  JobSpec twice;
  once.requirements.any_tags = groups;
  twice.requirements.any_tags = both_groups;
  EXPECT_EQ(key_of(once), key_of(twice));
}

/// A spec of few words, and what it asks for as sets.
struct RandomSpec {
  using Set = std::set<std::string_view>;

  explicit RandomSpec(Rng& rng) {
    some(rng, all);
    some(rng, none);
    groups.resize(rng.below(3));
    for (auto& group : groups) {
      some(rng, group);
      views.emplace_back(group);
    }
    for (size_t i = rng.below(3); i > 0; --i)
      labels.push_back({word(rng), word(rng)});
    spec.demand.cpu_milli = static_cast<int64_t>(rng.below(2)) * 1'000;
    spec.requirements.all_tags = all;
    spec.requirements.none_tags = none;
    spec.requirements.any_tags = views;
    spec.requirements.affinity = labels;
  }

  auto meaning() const {
    std::set<Set> any;
    for (const auto& group : groups)
      any.emplace(group.begin(), group.end());
    std::set<std::pair<std::string_view, std::string_view>> pairs;
    for (const wire::Label& label : labels)
      pairs.emplace(label.key, label.value);
    return std::tuple(
        spec.demand.cpu_milli,
        Set(all.begin(), all.end()),
        Set(none.begin(), none.end()),
        any,
        pairs);
  }

  static std::string_view word(Rng& rng) {
    static constexpr std::string_view kWords[] = {"a", "b", "ab"};
    return kWords[rng.below(3)];
  }
  static void some(Rng& rng, std::vector<std::string_view>& words) {
    for (size_t i = rng.below(3); i > 0; --i)
      words.push_back(word(rng));
  }

  std::vector<std::string_view> all;
  std::vector<std::string_view> none;
  std::vector<std::vector<std::string_view>> groups;
  std::vector<wire::TextList> views;
  std::vector<wire::Label> labels;
  JobSpec spec;
};

TEST(ClassKey, IsTheSameExactlyWhenTheSameIsAskedFor) {
  for_each_seed(20, [](uint64_t seed) {
    Rng rng(seed);
    std::vector<std::unique_ptr<RandomSpec>> specs;
    std::map<std::string, decltype(specs.front()->meaning())> meaning_of;
    std::set<decltype(specs.front()->meaning())> meanings;
    for (int i = 0; i < 2'000; ++i) {
      specs.push_back(std::make_unique<RandomSpec>(rng));
      auto [found, added] = meaning_of.emplace(key_of(specs.back()->spec), specs.back()->meaning());
      ASSERT_EQ(found->second, specs.back()->meaning());
      meanings.insert(specs.back()->meaning());
    }
    ASSERT_EQ(meanings.size(), meaning_of.size());
  });
}

}  // namespace
}  // namespace berth::core
