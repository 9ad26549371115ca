#include "core/jobs/check_spec.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/placement/placement.h"
#include "core/settings.h"

namespace berth::core {
namespace {

using testing::HasSubstr;
using wire::JobSpec;
using wire::Runner;

/// Keeps what a spec of one case points to.
class Kept {
 public:
  wire::TextList texts(std::vector<std::string_view> values) { return all(values); }
  std::span<const wire::Label> labels(std::vector<wire::Label> values) { return all(values); }
  template <typename Value>
  std::span<const Value> all(const std::vector<Value>& values) {
    return arena_.keep_all(std::span<const Value>(values));
  }
  std::string_view bytes(size_t count, char byte = 'a') {
    return arena_.keep(std::string(count, byte));
  }
  /// `count` different labels.
  std::span<const wire::Label> many_labels(size_t count) {
    std::vector<wire::Label> values;
    for (size_t i = 0; i < count; ++i)
      values.push_back({arena_.keep("k" + std::to_string(i)), "v"});
    return all(values);
  }
  wire::TextList many_texts(size_t count) {
    std::vector<std::string_view> values;
    for (size_t i = 0; i < count; ++i)
      values.push_back(arena_.keep("t" + std::to_string(i)));
    return all(values);
  }

 private:
  Arena arena_;
};

using Change = std::function<void(JobSpec&, Kept&)>;

struct Case {
  const char* name;
  Change change;
  const char* problem;  // a part of it; null: nothing is wrong
};

constexpr std::string_view kCommand[] = {"true"};

void check_cases(std::span<const Case> cases) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    Kept kept;
    JobSpec spec;
    spec.command = kCommand;
    each.change(spec, kept);
    Arena text;
    std::string_view problem;
    EXPECT_EQ(check_spec(spec, text, problem), each.problem == nullptr) << problem;
    if (each.problem == nullptr) continue;
    EXPECT_THAT(std::string(problem), HasSubstr(each.problem));
  }
}

TEST(CheckSpec, OfNames) {
  const Case cases[] = {
      {"none at all", [](JobSpec&, Kept&) {}, nullptr},
      {"the longest", [](JobSpec& s, Kept& k) { s.name = k.bytes(256); }, nullptr},
      {"of 10 kB",
       [](JobSpec& s, Kept& k) { s.name = k.bytes(10'240); },
       "name has 10240 bytes, at most 256"},
      {"a long queue", [](JobSpec& s, Kept& k) { s.queue = k.bytes(257); }, "queue has 257 bytes"},
      {"a long tenant", [](JobSpec& s, Kept& k) { s.tenant = k.bytes(257); }, "tenant has 257"},
      {"a line feed", [](JobSpec& s, Kept&) { s.name = "a\nb"; }, "name holds a control"},
      {"a terminal's escape", [](JobSpec& s, Kept&) { s.queue = "\x1b[2J"; }, "queue holds"},
      {"not UTF-8", [](JobSpec& s, Kept&) { s.tenant = "\xFF"; }, "tenant holds"},
      {"32 labels", [](JobSpec& s, Kept& k) { s.labels = k.many_labels(32); }, nullptr},
      {"33 labels",
       [](JobSpec& s, Kept& k) { s.labels = k.many_labels(33); },
       "labels is 33, outside 0 to 32"},
      {"a label without value",
       [](JobSpec& s, Kept& k) {
         s.labels = k.labels({{"a", ""}});
       },
       nullptr},
      {"a label without key",
       [](JobSpec& s, Kept& k) {
         s.labels = k.labels({{"", "a"}});
       },
       "label key is empty"},
      {"a label's key with =",
       [](JobSpec& s, Kept& k) {
         s.labels = k.labels({{"a=b", "c"}});
       },
       "label key holds '='"},
      {"a label's value of 10 kB",
       [](JobSpec& s, Kept& k) {
         s.labels = k.labels({{"a", k.bytes(10'240)}});
       },
       "label value has 10240 bytes"},
      {"a label's value with NUL",
       [](JobSpec& s, Kept& k) {
         s.labels = k.labels({{"a", {"\0", 1}}});
       },
       "label value holds"},
      {"a label twice",
       [](JobSpec& s, Kept& k) {
         s.labels = k.labels({{"a", "1"}, {"b", "1"}, {"a", "2"}});
       },
       "label 'a' is given twice"},
      {"64 of meta", [](JobSpec& s, Kept& k) { s.meta = k.many_labels(64); }, nullptr},
      {"65 of meta", [](JobSpec& s, Kept& k) { s.meta = k.many_labels(65); }, "meta is 65"},
      {"a large text of meta",
       [](JobSpec& s, Kept& k) {
         s.meta = k.labels({{"a", k.bytes(100'000, '\n')}});
       },
       nullptr},
      {"meta with NUL",
       [](JobSpec& s, Kept& k) {
         s.meta = k.labels({{"a", {"\0", 1}}});
       },
       "meta value holds a NUL"},
      {"meta without key",
       [](JobSpec& s, Kept& k) {
         s.meta = k.labels({{"", "1"}});
       },
       "meta key is empty"},
      {"meta twice",
       [](JobSpec& s, Kept& k) {
         s.meta = k.labels({{"a", "1"}, {"a", "1"}});
       },
       "meta key 'a' is given twice"},
  };
  check_cases(cases);
}

TEST(CheckSpec, OfWhatIsRun) {
  const Case cases[] = {
      {"nothing to run",
       [](JobSpec& s, Kept&) { s.command = {}; },
       "neither a command nor an image"},
      {"an empty program",
       [](JobSpec& s, Kept& k) {
         s.command = k.texts({"", "a"});
       },
       "the first word of command is empty"},
      {"an empty argument, which is one",
       [](JobSpec& s, Kept& k) {
         s.command = k.texts({"echo", ""});
       },
       nullptr},
      {"a script as an argument",
       [](JobSpec& s, Kept& k) {
         s.command = k.texts({"sh", "-c", "a\nb\tc"});
       },
       nullptr},
      {"an argument with NUL",
       [](JobSpec& s, Kept& k) {
         s.command = k.texts({"sh", {"a\0b", 3}});
       },
       "an argument of command holds a NUL"},
      {"an argument that is not UTF-8",
       [](JobSpec& s, Kept& k) {
         s.command = k.texts({"sh", "\xC3("});
       },
       "an argument of command holds a NUL or is not UTF-8"},
      {"4096 arguments", [](JobSpec& s, Kept& k) { s.command = k.many_texts(4'096); }, nullptr},
      {"4097 arguments",
       [](JobSpec& s, Kept& k) { s.command = k.many_texts(4'097); },
       "arguments of command is 4097, outside 0 to 4096"},
      {"an image alone", [](JobSpec& s, Kept&) { s.command = {}, s.image = "busybox"; }, nullptr},
      {"an image in a container",
       [](JobSpec& s, Kept&) { s.image = "busybox", s.runner = Runner::Container; },
       nullptr},
      {"an image as a process",
       [](JobSpec& s, Kept&) { s.image = "busybox", s.runner = Runner::Process; },
       "not by runner:process: choose runner any or container"},
      {"an image in a sandbox",
       [](JobSpec& s, Kept&) { s.image = "busybox", s.runner = Runner::Sandbox; },
       "not by runner:sandbox"},
      {"a container of nothing",
       [](JobSpec& s, Kept&) { s.runner = Runner::Container; },
       "runner container has no image"},
      {"an image with a line feed", [](JobSpec& s, Kept&) { s.image = "a\n"; }, "image holds"},
      {"an image of 10 kB", [](JobSpec& s, Kept& k) { s.image = k.bytes(10'240); }, "image has"},
      {"stdin at its limit",
       [](JobSpec& s, Kept& k) { s.stdin_text = k.bytes(64 * 1024, '\n'); },
       nullptr},
      {"stdin over it",
       [](JobSpec& s, Kept& k) { s.stdin_text = k.bytes(64 * 1024 + 1); },
       "stdin has 65537 bytes, at most 65536"},
      {"stdin of bytes", [](JobSpec& s, Kept&) { s.stdin_text = "\x80"; }, "stdin holds"},
  };
  check_cases(cases);
}

TEST(CheckSpec, OfTheEnvironmentAndPaths) {
  const Case cases[] = {
      {"a variable",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"A", "b=c\n"}});
       },
       nullptr},
      {"an empty value",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"A", ""}});
       },
       nullptr},
      {"an empty key",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"", "a"}});
       },
       "env key is empty"},
      {"a key with =",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"A=B", "c"}});
       },
       "env key 'A=B' holds '='"},
      {"a key with a line feed",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"A\n", "c"}});
       },
       "env key holds a control"},
      {"a key of 10 kB",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{k.bytes(10'240), "c"}});
       },
       "env key has 10240 bytes"},
      {"a value with NUL",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"A", {"a\0", 2}}});
       },
       "env value holds a NUL"},
      {"a key twice",
       [](JobSpec& s, Kept& k) {
         s.env = k.labels({{"A", "1"}, {"A", "2"}});
       },
       "env key 'A' is given twice"},
      {"1024 variables", [](JobSpec& s, Kept& k) { s.env = k.many_labels(1'024); }, nullptr},
      {"1025 variables", [](JobSpec& s, Kept& k) { s.env = k.many_labels(1'025); }, "env is 1025"},
      {"a working directory", [](JobSpec& s, Kept&) { s.working_dir = "/srv/a..b/..c"; }, nullptr},
      {"one above",
       [](JobSpec& s, Kept&) { s.working_dir = "/srv/../etc"; },
       "working_dir '/srv/../etc' holds '..'"},
      {"of 10 kB",
       [](JobSpec& s, Kept& k) { s.working_dir = k.bytes(10'240); },
       "working_dir has 10240 bytes, at most 4096"},
      {"with a control character",
       [](JobSpec& s, Kept&) { s.working_dir = "a\tb"; },
       "working_dir holds"},
      {"artifacts",
       [](JobSpec& s, Kept& k) {
         s.artifacts = k.texts({"a", "out/b.txt", "...", "c/"});
       },
       nullptr},
      {"an empty artifact",
       [](JobSpec& s, Kept& k) { s.artifacts = k.texts({""}); },
       "an artifact is empty"},
      {"an artifact of the machine",
       [](JobSpec& s, Kept& k) { s.artifacts = k.texts({"/etc/passwd"}); },
       "artifact '/etc/passwd' begins with '/'"},
      {"an artifact above",
       [](JobSpec& s, Kept& k) { s.artifacts = k.texts({"out/.."}); },
       "artifact 'out/..' holds '..'"},
      {"two above", [](JobSpec& s, Kept& k) { s.artifacts = k.texts({"../a"}); }, "holds '..'"},
      {"an artifact twice",
       [](JobSpec& s, Kept& k) {
         s.artifacts = k.texts({"a", "b", "a"});
       },
       "artifact 'a' is listed twice"},
      {"64 artifacts", [](JobSpec& s, Kept& k) { s.artifacts = k.many_texts(64); }, nullptr},
      {"65 artifacts",
       [](JobSpec& s, Kept& k) { s.artifacts = k.many_texts(65); },
       "artifacts is 65"},
  };
  check_cases(cases);
}

TEST(CheckSpec, OfWhatItTakes) {
  const Case cases[] = {
      {"no slots", [](JobSpec& s, Kept&) { s.demand.slots = 0; }, "slots is 0, outside 1 to 65535"},
      {"negative cpu", [](JobSpec& s, Kept&) { s.demand.cpu_milli = -1; }, "cpu_milli is -1"},
      {"the lowest memory",
       [](JobSpec& s, Kept&) { s.demand.memory_mib = INT64_MIN; },
       "memory_mib is -9223372036854775808"},
      {"too much disk", [](JobSpec& s, Kept&) { s.demand.disk_mib = INT64_MAX; }, "disk_mib is"},
      {"too much network",
       [](JobSpec& s, Kept&) { s.demand.network_mbit = 2'000'000'001; },
       "network_mbit is 2000000001"},
      {"17 devices",
       [](JobSpec& s, Kept&) { s.demand.gpu_count = 17, s.demand.gpu_milli = 1'000; },
       "gpu_count is 17"},
      {"a device of no milli",
       [](JobSpec& s, Kept&) { s.demand.gpu_count = 1, s.demand.gpu_milli = 0; },
       "gpu_milli is 0, outside 1 to 1000"},
      {"half of one",
       [](JobSpec& s, Kept&) { s.demand.gpu_count = 1, s.demand.gpu_milli = 500; },
       nullptr},
      {"half of two",
       [](JobSpec& s, Kept&) { s.demand.gpu_count = 2, s.demand.gpu_milli = 500; },
       "set gpu_count to 1"},
      {"an empty model",
       [](JobSpec& s, Kept& k) { s.demand.gpu_models = k.texts({""}); },
       "gpu model is empty"},
      {"negative licences",
       [](JobSpec& s, Kept& k) {
         s.demand.custom = k.all<wire::NamedAmount>({{"a", -1}});
       },
       "custom resource is -1"},
      {"licences twice",
       [](JobSpec& s, Kept& k) {
         s.demand.custom = k.all<wire::NamedAmount>({{"a", 1}, {"a", 1}});
       },
       "custom resource is named twice"},
      {"licences of no name",
       [](JobSpec& s, Kept& k) {
         s.demand.custom = k.all<wire::NamedAmount>({{"", 1}});
       },
       "custom resource is empty"},
      {"five kinds of licences",
       [](JobSpec& s, Kept& k) {
         s.demand.custom =
             k.all<wire::NamedAmount>({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}});
       },
       "custom resources is 5"},
  };
  check_cases(cases);
}

TEST(CheckSpec, OfWhereItMayRun) {
  const Case cases[] = {
      {"61 tags and what the runner needs",
       [](JobSpec& s, Kept& k) { s.requirements.all_tags = k.many_texts(61); },
       nullptr},
      {"65 tags",
       [](JobSpec& s, Kept& k) { s.requirements.all_tags = k.many_texts(65); },
       "tags, labels and models of one request is"},
      {"an empty tag",
       [](JobSpec& s, Kept& k) { s.requirements.all_tags = k.texts({""}); },
       "tag is empty"},
      {"a tag of 10 kB",
       [](JobSpec& s, Kept& k) { s.requirements.none_tags = k.texts({k.bytes(10'240)}); },
       "tag of none has 10240 bytes, at most 128"},
      {"a tag with a control character",
       [](JobSpec& s, Kept& k) {
         s.requirements.any_tags = k.all<wire::TextList>({k.texts({"a", "b\n"})});
       },
       "tag of any holds a control"},
      {"any of nothing",
       [](JobSpec& s, Kept& k) { s.requirements.any_tags = k.all<wire::TextList>({{}}); },
       "a group of any_tags is empty"},
      {"affinity without key",
       [](JobSpec& s, Kept& k) {
         s.requirements.affinity = k.labels({{"", "a"}});
       },
       "label key is empty"},
      {"anti-affinity that is not UTF-8",
       [](JobSpec& s, Kept& k) {
         s.requirements.anti_affinity = k.labels({{"a", "\xFF"}});
       },
       "label value holds"},
      {"spread by 10 kB",
       [](JobSpec& s, Kept& k) { s.requirements.spread_by = k.bytes(10'240); },
       "spread_by has 10240 bytes"},
      {"65 excluded workers",
       [](JobSpec& s, Kept& k) { s.requirements.exclude_workers = k.many_texts(65); },
       "excluded workers is 65"},
      {"an excluded worker with NUL",
       [](JobSpec& s, Kept& k) {
         s.requirements.exclude_workers = k.texts({{"\0", 1}});
       },
       "excluded worker holds"},
  };
  check_cases(cases);
}

TEST(CheckSpec, OfTimesTriesArraysAndDependencies) {
  const Case cases[] = {
      {"a deadline in the past", [](JobSpec& s, Kept&) { s.deadline_at_ms = 1; }, nullptr},
      {"a negative deadline", [](JobSpec& s, Kept&) { s.deadline_at_ms = -1; }, "deadline_at_ms"},
      {"a negative schedule",
       [](JobSpec& s, Kept&) { s.scheduled_at_ms = -1; },
       "scheduled_at_ms is -1, outside 0"},
      {"a schedule beyond the clock",
       [](JobSpec& s, Kept&) { s.scheduled_at_ms = INT64_MAX; },
       "scheduled_at_ms is 9223372036854775807"},
      {"no attempt", [](JobSpec& s, Kept&) { s.attempts_max = 0; }, "attempts_max is 0, outside 1"},
      {"1000 attempts", [](JobSpec& s, Kept&) { s.attempts_max = 1'000; }, nullptr},
      {"1001 attempts", [](JobSpec& s, Kept&) { s.attempts_max = 1'001; }, "attempts_max is 1001"},
      {"no pause between them",
       [](JobSpec& s, Kept&) { s.retry_base_ms = 0, s.retry_cap_ms = 0; },
       nullptr},
      {"a pause above its cap",
       [](JobSpec& s, Kept&) { s.retry_base_ms = 10, s.retry_cap_ms = 9; },
       "retry_base_ms is 10, outside 0 to 9"},
      {"a pause of more than a week",
       [](JobSpec& s, Kept&) { s.retry_cap_ms = UINT32_MAX; },
       "retry_cap_ms is 4294967295, outside 0 to 604800000"},
      {"the longest time-out", [](JobSpec& s, Kept&) { s.timeout_ms = UINT32_MAX; }, nullptr},
      {"a grace of weeks",
       [](JobSpec& s, Kept&) { s.kill_grace_ms = UINT32_MAX; },
       "kill_grace_ms is 4294967295, outside 0 to 3600000"},
      {"an array of one",
       [](JobSpec& s, Kept&) { s.is_array = true, s.array_first = s.array_last = UINT32_MAX; },
       nullptr},
      {"an array of a million",
       [](JobSpec& s, Kept&) { s.is_array = true, s.array_first = 1, s.array_last = 1'000'000; },
       nullptr},
      {"an array of one more",
       [](JobSpec& s, Kept&) { s.is_array = true, s.array_last = 1'000'000; },
       "elements of the array is 1000001, outside 1 to 1000000"},
      {"an array of everything",
       [](JobSpec& s, Kept&) { s.is_array = true, s.array_last = UINT32_MAX; },
       "elements of the array is 4294967296"},
      {"an array that ends before it begins",
       [](JobSpec& s, Kept&) { s.is_array = true, s.array_first = 5, s.array_last = 4; },
       "array_last is 4, outside 5"},
      {"a range without an array", [](JobSpec& s, Kept&) { s.array_last = 4; }, "set is_array"},
      {"dependencies",
       [](JobSpec& s, Kept& k) {
         s.depends_on = k.all<uint64_t>({7, UINT64_MAX});
         s.depends_on_items = k.all<uint32_t>({0, 7});
       },
       nullptr},
      {"on job 0",
       [](JobSpec& s, Kept& k) { s.depends_on = k.all<uint64_t>({0}); },
       "depends_on names job 0"},
      {"on one twice",
       [](JobSpec& s, Kept& k) {
         s.depends_on = k.all<uint64_t>({9, 8, 9});
       },
       "depends_on names job 9 twice"},
      {"on one of the submit twice",
       [](JobSpec& s, Kept& k) {
         s.depends_on_items = k.all<uint32_t>({1, 1});
       },
       "depends_on_items names position 1 twice"},
      {"on 1025",
       [](JobSpec& s, Kept& k) {
         s.depends_on = k.all(std::vector<uint64_t>(1'000, 1));
         s.depends_on_items = k.all(std::vector<uint32_t>(25, 1));
       },
       "dependencies is 1025, outside 0 to 1024"},
  };
  check_cases(cases);
}

TEST(CheckSpec, WhatPassesCanBeAskedForAsAPlacement) {
  JobSpec spec;
  Kept kept;
  spec.command = kCommand;
  spec.requirements.all_tags = kept.many_texts(61);
  Arena text;
  std::string_view problem;
  ASSERT_TRUE(check_spec(spec, text, problem)) << problem;
  Names names(16);
  wire::Place place = place_of(spec, text);
  place.task = "job 1";
  Query query;
  EXPECT_TRUE(compile_query(place, names, query, text, problem)) << problem;
}

}  // namespace
}  // namespace berth::core
