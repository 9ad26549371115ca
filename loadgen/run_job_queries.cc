#include <functional>

#include "core/base/rng.h"
#include "loadgen/control.h"
#include "loadgen/jobs/job_desk.h"
#include "loadgen/progress.h"
#include "loadgen/reply_text.h"
#include "loadgen/run.h"

namespace berth::loadgen {
namespace {

constexpr uint32_t kListRows = 100;

// One kind of question, what came of it, and how long it took.
struct Question {
  const char* name;
  std::function<wire::Request(wire::JobId)> ask;
  std::function<bool(wire::JobId, const wire::Reply&)> answers;
  Histogram latency = {};
};

bool unknown(const wire::Reply& reply) {
  const auto* refused = std::get_if<wire::Refused>(&reply);
  return refused != nullptr && refused->code == wire::Refusal::NotFound;
}

wire::Request list_from(wire::JobId job) {
  wire::ListJobs list;
  list.cursor = job.value;
  list.limit = kListRows;
  return list;
}

bool is_row_of(const wire::JobRow& row, wire::JobId job) {
  return job >= row.id && job.value < row.id.value + row.array_count;
}

std::vector<Question> questions() {
  std::vector<Question> all;
  all.push_back(
      {"show",
       [](wire::JobId job) { return wire::Request(wire::ShowJob{job}); },
       [](wire::JobId job, const wire::Reply& reply) {
         const auto* details = std::get_if<wire::JobDetails>(&reply);
         return details != nullptr && is_row_of(details->row, job);
       }});
  all.push_back(
      {"explain",
       [](wire::JobId job) { return wire::Request(wire::ExplainJob{job}); },
       [](wire::JobId job, const wire::Reply& reply) {
         const auto* explanation = std::get_if<wire::JobExplanation>(&reply);
         return explanation != nullptr && is_row_of(explanation->row, job);
       }});
  all.push_back({"list", list_from, [](wire::JobId, const wire::Reply& reply) {
                   return std::holds_alternative<wire::JobPage>(reply);
                 }});
  return all;
}

Failure ask_all(
    const RunContext& context,
    Control& control,
    wire::JobRange jobs,
    std::vector<Question>& asked,
    Report& report) {
  core::Rng rng(context.options.workload.seed);
  uint64_t missing = 0;
  for (; report.requests < context.options.requests; ++report.requests) {
    if (context.stop.load(std::memory_order_relaxed)) break;
    Question& question = asked[report.requests % asked.size()];
    wire::JobId job{jobs.first.value + rng.below(jobs.last.value - jobs.first.value + 1)};
    core::Instant start = LinkLoop::now();
    Failure failure = control.ask(question.ask(job), [&](const wire::Reply& reply) {
      core::Duration took = LinkLoop::now() - start;
      bool right = question.answers(job, reply);
      if (!right && !unknown(reply)) {
        ++report.errors;
        if (report.first_error.empty()) {
          report.first_error = std::string(question.name) + " of job " + std::to_string(job.value) +
                               " got " + describe(reply);
        }
        return;
      }
      if (!right) ++missing;
      question.latency.record(took);
      report.latency.record(took);
    });
    if (failure) return failure;
  }
  report.add("not_found", static_cast<double>(missing));
  return {};
}

}  // namespace

Failure run_job_queries(const RunContext& context, Report& report) {
  LinkLoop loop;
  Control control(loop, context.link_options(wire::Role::Client, "loadgen"));
  if (Failure failure = control.connect()) return failure;
  wire::JobRange jobs;
  bool any = false;
  if (Failure failure = JobDesk(control).extent(jobs, any)) return failure;
  if (!any) {
    return {
        kExitFailed,
        "the server has no jobs to ask about: `berth-loadgen jobs --pending 1000 "
        "--keep` leaves it some"};
  }
  report.setting = "one at a time, jobs " + std::to_string(jobs.first.value) + " to " +
                   std::to_string(jobs.last.value);
  ServerUsage before;
  if (Failure failure = control.usage(before)) return failure;
  std::vector<Question> asked = questions();
  core::Instant start = LinkLoop::now();
  Failure failure;
  {
    Progress progress(loop, "questions", [&report] { return report.requests; });
    failure = ask_all(context, control, jobs, asked, report);
  }
  report.scenario = context.options.name;
  report.seconds = static_cast<double>((LinkLoop::now() - start).ns) / 1e9;
  for (const Question& question : asked)
    report.add(std::string(question.name) + "_latency_us", question.latency);
  if (failure) return failure;
  if (Failure unasked = control.usage(report.server)) return unasked;
  report.server.cpu_s -= before.cpu_s;
  return {};
}

}  // namespace berth::loadgen
