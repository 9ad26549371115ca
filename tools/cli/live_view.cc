#include "tools/cli/live_view.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "net/forms/job_file.h"
#include "net/forms/times.h"
#include "tools/cli/commands.h"

namespace berth::cli {

namespace {

client::Error bad_argument(std::string problem) {
  return {.code = client::ErrorCode::BadArgument, .message = std::move(problem)};
}

// ---- What the server has --------------------------------------------------------------------

client::Result<client::Done> fetch_workers(client::BlockingClient& berth, LiveView& view) {
  client::ListRequest request;
  do {
    client::Result<client::WorkerPage> page = berth.list_workers(request);
    if (!page) return page.error();
    std::move(page->workers.begin(), page->workers.end(), std::back_inserter(view.workers));
    request.cursor = page->next_cursor;
  } while (request.cursor != 0);
  return client::Done{};
}

/// One of an array stands for those behind it: the same job, by another id.
client::Result<client::Done> add_pending(
    client::BlockingClient& berth, const client::JobStatus& job, LiveView& view) {
  client::Result<client::JobDetails> details = berth.show_job(job.id);
  if (!details) return details.error();
  for (uint32_t i = 0; i < job.array_count && view.pending.size() < kLiveJobsMax; ++i) {
    view.pending.push_back(*details);
    view.pending.back().job.id = job.id + i;
    view.pending.back().job.array_index = job.array_index + i;
  }
  return client::Done{};
}

client::Result<client::Done> fetch_jobs(client::BlockingClient& berth, LiveView& view) {
  using client::JobState;
  client::JobFilter filter;
  filter.states = {
      JobState::Pending, JobState::Retrying, JobState::Assigned, JobState::Running, JobState::Lost};
  do {
    client::Result<client::JobPage> page = berth.list_jobs(filter);
    if (!page) return page.error();
    for (const client::JobStatus& job : page->jobs) {
      if (view.pending.size() + view.running.size() >= kLiveJobsMax) return client::Done{};
      if (job.state == JobState::Pending || job.state == JobState::Retrying) {
        if (const auto added = add_pending(berth, job, view); !added) return added.error();
        continue;
      }
      client::Result<client::JobDetails> details = berth.show_job(job.id);
      if (!details) return details.error();
      if (!client::has_ended(details->job.state)) view.running.push_back(std::move(*details));
    }
    filter.cursor = page->next_cursor;
  } while (filter.cursor != 0);
  return client::Done{};
}

// ---- What is supposed -----------------------------------------------------------------------

client::Result<client::Done> check_workers(const PlanAsk& ask, const LiveView& view) {
  std::vector<std::string> named = ask.drained;
  for (const AddedWorkers& added : ask.added)
    named.push_back(added.like);
  for (const std::string& id : named) {
    const bool known = std::any_of(
        view.workers.begin(), view.workers.end(), [&](const auto& one) { return one.id == id; });
    if (!known) {
      return client::Error{
          .code = client::ErrorCode::Refused,
          .refusal = client::Refusal::NotFound,
          .message = "there is no worker '" + id + "': `berth worker list` names all"};
    }
  }
  return client::Done{};
}

/// The jobs of one file behind those of the files before it.
client::Result<client::Done> add_file(const std::string& path, std::vector<client::JobSpec>& jobs) {
  std::vector<JobDraft> drafts;
  std::string text;
  std::string problem;
  if (!read_whole_file(path, text, problem)) return bad_argument(problem);
  const auto parse = is_job_json(text) ? parse_job_json : parse_job_toml;
  if (!parse(text, path, {}, drafts, problem)) return bad_argument(problem);
  if (!resolve_after(drafts, problem)) return bad_argument(path + ": " + problem);
  const auto behind = static_cast<uint32_t>(jobs.size());
  for (JobDraft& draft : drafts) {
    for (uint32_t& item : draft.spec.depends_on_items)
      item += behind;
    jobs.push_back(std::move(draft.spec));
  }
  uint64_t count = 0;
  for (const client::JobSpec& job : jobs)
    count += elements_of(job);
  if (count > kLiveJobsMax) {
    return bad_argument(
        path + ": that is " + std::to_string(count) + " jobs, every one of an array counted; at " +
        "most " + std::to_string(kLiveJobsMax) + " can be supposed, give a smaller array");
  }
  return client::Done{};
}

/// What the supposed jobs wait for that the view has not: known, or refused as by a submit.
client::Result<client::Done> look_at_ended(
    client::BlockingClient& berth, const std::vector<client::JobSpec>& jobs, LiveView& view) {
  absl::flat_hash_set<client::JobId> seen;
  for (const auto* known : {&view.pending, &view.running}) {
    for (const client::JobDetails& one : *known)
      seen.insert(one.job.id);
  }
  for (const client::JobSpec& job : jobs) {
    for (const client::JobId on : job.depends_on) {
      if (!seen.insert(on).second) continue;
      const client::Result<client::JobDetails> details = berth.show_job(on);
      if (!details) return details.error();
      const client::JobState state = details->job.state;
      if (state == client::JobState::Failed || state == client::JobState::Aborted) {
        view.failed.push_back(on);
      }
    }
  }
  return client::Done{};
}

}  // namespace

client::Result<LiveView> fetch_view(client::BlockingClient& berth) {
  LiveView view;
  view.now_ms = wall_ms();
  if (const auto done = fetch_workers(berth, view); !done) return done.error();
  if (const auto done = fetch_jobs(berth, view); !done) return done.error();
  return view;
}

client::Result<Supposed> read_supposed(
    const PlanAsk& ask, client::BlockingClient& berth, LiveView& view) {
  Supposed supposed{.drained = ask.drained, .added = ask.added, .jobs = {}};
  if (const auto known = check_workers(ask, view); !known) return known.error();
  for (const std::string& path : ask.job_files) {
    if (const auto added = add_file(path, supposed.jobs); !added) return added.error();
  }
  if (const auto known = look_at_ended(berth, supposed.jobs, view); !known) return known.error();
  return supposed;
}

}  // namespace berth::cli
