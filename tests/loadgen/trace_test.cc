#include "loadgen/trace.h"

#include <sstream>

#include <gtest/gtest.h>

#include "loadgen/audit.h"

namespace berth::loadgen {
namespace {

constexpr char kTwoNodes[] =
    R"({"node":"a","cpu_milli":1000,"memory_mib":1024,"gpus":2,"model":"T4"}
{"node":"b","cpu_milli":8000,"memory_mib":4096,"gpus":0,"model":""}
)";

Trace two_nodes() {
  Trace trace;
  std::istringstream in(kTwoNodes);
  std::string problem;
  EXPECT_TRUE(read_trace(in, trace, problem)) << problem;
  return trace;
}

TEST(Trace, IsReadAsItIsWritten) {
  Trace trace;
  std::istringstream in(
      std::string(kTwoNodes) +
      R"({"pod":7,"cpu_milli":500,"memory_mib":64,"num_gpu":1,"gpu_milli":460,"models":["T4","G2"]})"
      "\n");
  std::string problem;
  ASSERT_TRUE(read_trace(in, trace, problem)) << problem;
  ASSERT_EQ(trace.nodes.size(), 2u);
  EXPECT_EQ(trace.nodes[0].name, "a");
  EXPECT_EQ(trace.nodes[0].gpus, 2);
  EXPECT_EQ(trace.nodes[0].model, "T4");
  ASSERT_EQ(trace.tasks.size(), 1u);
  EXPECT_EQ(trace.tasks[0].pod, 7);
  EXPECT_EQ(trace.tasks[0].gpu_milli_all(), 460);
  EXPECT_EQ(trace.tasks[0].models, (std::vector<std::string>{"T4", "G2"}));
}

TEST(Trace, ABadLineIsNamed) {
  struct Case {
    const char* line;
    const char* said;
  };
  const Case cases[] = {
      {"{", "line 3: not a JSON object"},
      {"[]", "line 3: not a JSON object"},
      {R"({"pod":1})", R"(line 3: "cpu_milli" is missing)"},
      {R"({"pod":-1,"cpu_milli":1,"memory_mib":1,"num_gpu":0,"gpu_milli":0,"models":[]})",
       R"(line 3: "pod" must be)"},
      {R"({"pod":1,"cpu_milli":1.5,"memory_mib":1,"num_gpu":0,"gpu_milli":0,"models":[]})",
       R"(line 3: "cpu_milli" must be)"},
      {R"({"pod":1,"cpu_milli":1,"memory_mib":1,"num_gpu":2,"gpu_milli":500,"models":[]})",
       "1000 for more than one device"},
      {R"({"pod":1,"cpu_milli":1,"memory_mib":1,"num_gpu":1,"gpu_milli":0,"models":[]})",
       R"("gpu_milli" must be above 0)"},
      {R"({"pod":1,"cpu_milli":1,"memory_mib":1,"num_gpu":0,"gpu_milli":0,"models":"T4"})",
       "must be a list of strings"},
      {R"({"node":"","cpu_milli":1,"memory_mib":1,"gpus":0,"model":""})", "must not be empty"},
      {R"({"node":"x","cpu_milli":1,"memory_mib":1,"gpus":17,"model":""})", R"("gpus" must be)"},
  };
  for (const Case& c : cases) {
    Trace trace;
    std::string problem;
    std::istringstream in(std::string(kTwoNodes) + c.line + "\n");
    EXPECT_FALSE(read_trace(in, trace, problem)) << c.line;
    EXPECT_NE(problem.find(c.said), std::string::npos) << c.line << ": " << problem;
  }
}

TEST(Audit, FindsEveryBrokenRule) {
  struct Case {
    const char* name;
    TraceTask task;
    Answer answer;
    const char* said;
  };
  TraceTask third{.pod = 1, .cpu_milli = 100, .memory_mib = 10, .num_gpu = 1, .gpu_milli = 300};
  TraceTask two{.pod = 1, .num_gpu = 2, .gpu_milli = 1000};
  TraceTask only_g2 = third;
  only_g2.models = {"G2"};
  const Case cases[] = {
      {"an unknown node", third, {true, "zzz", {0}}, "not in the trace"},
      {"too much CPU", {.cpu_milli = 1'001}, {true, "a", {}}, "not the CPU"},
      {"too much memory", {.memory_mib = 1'025}, {true, "a", {}}, "not the memory"},
      {"no device where one is asked for", third, {true, "a", {}}, "wrong number of devices"},
      {"a device too many", {}, {true, "a", {0}}, "wrong number of devices"},
      {"a device it has not", third, {true, "a", {2}}, "device that it has not"},
      {"one device twice", two, {true, "a", {1, 1}}, "twice on one device"},
      {"a model not allowed", only_g2, {true, "a", {0}}, "model is not allowed"},
      {"a refusal of what fits", third, {false, "", {}}, "would have fitted"},
  };
  for (const Case& c : cases) {
    Audit audit(two_nodes());
    audit.check(c.task, c.answer);
    EXPECT_EQ(audit.violations() + audit.wrong_refusals(), 1u) << c.name;
    EXPECT_NE(audit.first_problem().find(c.said), std::string::npos)
        << c.name << ": " << audit.first_problem();
  }
}

TEST(Audit, ADeviceIsNeverFilledTwice) {
  Audit audit(two_nodes());
  TraceTask task{.num_gpu = 1, .gpu_milli = 600};
  audit.check(task, {true, "a", {0}});
  audit.check(task, {true, "a", {1}});
  EXPECT_EQ(audit.violations(), 0u) << audit.first_problem();
  audit.check(task, {false, "", {}});
  EXPECT_EQ(audit.wrong_refusals(), 0u) << "400 are left on each device, which is not 600";
  audit.check(task, {true, "a", {1}});
  EXPECT_EQ(audit.violations(), 1u);
}

TEST(Audit, MarksTheAllocationWhenSoMuchHasArrived) {
  Audit audit(two_nodes());  // 2,000 thousandths
  TraceTask whole{.num_gpu = 1, .gpu_milli = 1'000};
  audit.check(whole, {true, "a", {0}});
  EXPECT_TRUE(audit.allocated_percent().empty());
  TraceTask most{.num_gpu = 1, .gpu_milli = 900};
  audit.check(most, {true, "a", {1}});  // 95 % have arrived
  EXPECT_DOUBLE_EQ(audit.allocated_percent().at(95), 95.0);
  EXPECT_EQ(audit.allocated_percent().count(100), 0u);
  audit.check(most, {false, "", {}});  // 140 %
  EXPECT_DOUBLE_EQ(audit.allocated_percent().at(100), 95.0);
  EXPECT_DOUBLE_EQ(audit.allocated_percent().at(130), 95.0);
  EXPECT_EQ(audit.placed(), 2u);
  EXPECT_EQ(audit.refused(), 1u);
}

}  // namespace
}  // namespace berth::loadgen
