#include "loadgen/jobs/job_desk.h"

#include <algorithm>

#include "loadgen/reply_text.h"
#include "wire/tokens.h"

namespace berth::loadgen {
namespace {

constexpr uint64_t kPendingBatch = 2'000;  // jobs in one submit
constexpr size_t kRangesMax = 1'000;       // in one request
constexpr core::Duration kPatience = core::Duration::seconds(120);

Failure wrong(const char* what, const wire::Reply& reply) {
  return {kExitFailed, std::string(what) + " got " + describe(reply)};
}

}  // namespace

Failure JobDesk::submit_pending(
    const JobSpecs& specs,
    uint64_t count,
    const std::function<bool()>& stop,
    std::vector<wire::JobRange>& jobs) {
  std::vector<std::span<const std::byte>> batch(kPendingBatch, specs.pending());
  Failure failure;
  for (uint64_t done = 0; done < count && !failure && !stop();) {
    uint64_t some = std::min(kPendingBatch, count - done);
    std::string request = specs.prefix() + "-pending-" + std::to_string(done);
    wire::SubmitJobs submit;
    submit.request = request;
    submit.specs = std::span(batch).first(some);
    bool busy = false;
    Failure asked = control_.ask(submit, [&](const wire::Reply& reply) {
      const auto* refused = std::get_if<wire::Refused>(&reply);
      busy = refused != nullptr && refused->code == wire::Refusal::Busy;
      const auto* submitted = std::get_if<wire::JobsSubmitted>(&reply);
      if (submitted == nullptr) {
        if (!busy) failure = wrong("submitting pending jobs", reply);
        return;
      }
      for (const wire::SubmittedJob& job : submitted->jobs) {
        if (!jobs.empty() && jobs.back().last.value + 1 == job.first.value) {
          jobs.back().last = job.first;
        } else {
          jobs.push_back({job.first, job.first});
        }
      }
    });
    if (asked) return asked;
    if (!busy) done += some;
  }
  return failure;
}

Failure JobDesk::count(std::span<const wire::JobRange> jobs, wire::JobCounts& counts) {
  Failure failure;
  for (size_t at = 0; at < jobs.size() && !failure; at += kRangesMax) {
    wire::WaitJobs wait;
    wait.jobs = jobs.subspan(at, std::min(kRangesMax, jobs.size() - at));
    Failure asked = control_.ask(
        wait,
        [&](const wire::Reply& reply) {
          const auto* part = std::get_if<wire::JobCounts>(&reply);
          if (part == nullptr) {
            failure = wrong("counting jobs", reply);
            return;
          }
          for (size_t state = 0; state < counts.by_state.size(); ++state)
            counts.by_state[state] += part->by_state[state];
          counts.unknown += part->unknown;
          if (counts.first_failed.value == 0) counts.first_failed = part->first_failed;
        },
        kPatience);
    if (asked) return asked;
  }
  return failure;
}

Failure JobDesk::abort(std::span<const wire::JobRange> jobs) {
  Failure failure;
  for (size_t at = 0; at < jobs.size() && !failure; at += kRangesMax) {
    wire::ChangeJobs change;
    change.action = wire::JobAction::Abort;
    change.jobs = jobs.subspan(at, std::min(kRangesMax, jobs.size() - at));
    change.reason = "end of a load test";
    Failure asked = control_.ask(
        change,
        [&](const wire::Reply& reply) {
          if (!std::holds_alternative<wire::JobsChanged>(reply)) {
            failure = wrong("aborting jobs", reply);
          }
        },
        kPatience);
    if (asked) return asked;
  }
  return failure;
}

Failure JobDesk::extent(wire::JobRange& jobs, bool& any) {
  jobs = {};
  if (Failure failure = list(false, jobs.first)) return failure;
  if (Failure failure = list(true, jobs.last)) return failure;
  any = jobs.first.value != 0 && jobs.first <= jobs.last;
  return {};
}

Failure JobDesk::list(bool newest_first, wire::JobId& job) {
  wire::ListJobs ask;
  ask.limit = 1;
  ask.newest_first = newest_first;
  Failure failure;
  Failure asked = control_.ask(ask, [&](const wire::Reply& reply) {
    const auto* page = std::get_if<wire::JobPage>(&reply);
    if (page == nullptr) {
      failure = wrong("listing jobs", reply);
    } else if (!page->rows.empty()) {
      const wire::JobRow& row = page->rows.front();
      job = newest_first ? wire::JobId{row.id.value + row.array_count - 1} : row.id;
    }
  });
  return asked ? asked : failure;
}

std::string judge_end(const wire::JobCounts& counts, const JobTally& tally) {
  uint64_t completed = counts.by_state[static_cast<size_t>(wire::JobState::Completed)];
  uint64_t all = counts.unknown;
  for (int state = 0; state < wire::kJobStateCount; ++state) {
    uint64_t here = counts.by_state[static_cast<size_t>(state)];
    all += here;
    auto token = static_cast<wire::JobState>(state);
    if (here > 0 && token != wire::JobState::Completed) {
      return std::to_string(here) + " jobs of the run are " +
             std::string(wire::job_state_token(token)) + " at its end";
    }
  }
  if (all != tally.submitted || completed > tally.completed) {
    return "the server has " + std::to_string(completed) + " jobs as COMPLETED and " +
           std::to_string(counts.unknown) + " forgotten, of " + std::to_string(tally.submitted) +
           " submitted and " + std::to_string(tally.completed) + " completed ones";
  }
  return "";
}

}  // namespace berth::loadgen
