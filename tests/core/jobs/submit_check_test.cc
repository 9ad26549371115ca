#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/jobs/check_spec.h"
#include "wire/spec.h"

namespace berth::core {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Specs as they travel, each in memory of its own.
class Submit {
 public:
  Submit& add(const wire::JobSpec& spec) {
    const std::span<const std::byte> bytes = encoder_.encode(spec);
    return add_bytes({bytes.begin(), bytes.end()});
  }
  Submit& add_bytes(std::vector<std::byte> bytes) {
    bytes_.push_back(std::move(bytes));
    return *this;
  }

  /// Empty: it passed.
  std::string check(std::string_view request = "") {
    std::vector<std::span<const std::byte>> specs(bytes_.begin(), bytes_.end());
    Arena text;
    std::string_view problem;
    SubmitCheck check;
    const bool passed = check.check({.request = request, .specs = specs}, text, problem);
    EXPECT_EQ(passed, problem.empty());
    return std::string(problem);
  }

 private:
  wire::SpecEncoder encoder_;
  std::vector<std::vector<std::byte>> bytes_;
};

wire::JobSpec spec_of(std::string_view name) {
  static constexpr std::string_view kCommand[] = {"true"};
  wire::JobSpec spec;
  spec.name = name;
  spec.command = kCommand;
  return spec;
}

TEST(SubmitCheck, TellsWhichJobIsWrongWhenThereAreSeveral) {
  EXPECT_EQ(Submit().add(spec_of("a")).add(spec_of("b")).check(), "");
  EXPECT_THAT(Submit().add(spec_of("\n")).check(), StartsWith("name holds"));
  EXPECT_THAT(
      Submit().add(spec_of("a")).add(spec_of("\n")).check(), StartsWith("job 2: name holds"));
}

TEST(SubmitCheck, RefusesBytesThatAreNoSpec) {
  const struct {
    const char* name;
    std::vector<std::byte> bytes;
    const char* problem;
  } cases[] = {
      {"nothing", {}, "the spec of 0 bytes is malformed"},
      {"zeros", std::vector<std::byte>(64), "the spec of 64 bytes is malformed"},
      {"too many",
       std::vector<std::byte>(kSpecBytesMax + 8),
       "the spec has 262152 bytes, at most 262144"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    EXPECT_THAT(Submit().add_bytes(each.bytes).check(), HasSubstr(each.problem));
  }
}

TEST(SubmitCheck, LetsAJobDependOnThoseBeforeItAlone) {
  const struct {
    const char* name;
    uint32_t item;
    const char* problem;
  } cases[] = {
      {"the one before", 0, ""},
      {"itself", 1, "job 2: depends_on_items names position 1, and this one is at 1"},
      {"the one behind", 2, "job 2: depends_on_items names position 2"},
      {"one that is not there", UINT32_MAX, "job 2: depends_on_items names position 4294967295"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    wire::JobSpec second = spec_of("b");
    second.depends_on_items = {&each.item, 1};
    const std::string problem = Submit().add(spec_of("a")).add(second).add(spec_of("c")).check();
    EXPECT_THAT(problem, StartsWith(each.problem));
    EXPECT_EQ(problem.empty(), std::string_view(each.problem).empty());
  }
}

TEST(SubmitCheck, LimitsHowManyAndTheRequestId) {
  EXPECT_THAT(Submit().check(), HasSubstr("a submit of 0 jobs: give 1 to 4096"));
  Submit most;
  for (uint32_t i = 0; i < kJobsPerSubmitMax; ++i)
    most.add(spec_of("a"));
  EXPECT_EQ(most.check(), "");
  EXPECT_THAT(most.add(spec_of("a")).check(), HasSubstr("a submit of 4097 jobs"));
  Submit one;
  one.add(spec_of("a"));
  EXPECT_EQ(one.check(std::string(128, 'r')), "");
  EXPECT_THAT(one.check(std::string(129, 'r')), HasSubstr("the request id has 129 bytes"));
  EXPECT_THAT(one.check("a\nb"), HasSubstr("without control characters"));
  EXPECT_THAT(one.check("\xFF"), HasSubstr("the request id"));
}

}  // namespace
}  // namespace berth::core
