#include "tools/cli/job_submit.h"

#include <algorithm>
#include <cstdio>

#include "core/jobs/check_spec.h"
#include "net/forms/job_digest.h"
#include "net/forms/job_file.h"
#include "net/forms/job_shapes.h"
#include "net/text/units.h"
#include "tools/cli/commands.h"
#include "tools/cli/job_text.h"
#include "tools/cli/selectors.h"
#include "tools/cli/table.h"

namespace berth::cli {
namespace {

// Half of what a server takes by default: there is more in a frame than jobs.
constexpr size_t kFrameBytes = 512 * 1024;

client::Error bad_argument(std::string problem) {
  return {.code = client::ErrorCode::BadArgument, .message = std::move(problem)};
}

/// The jobs of the file, lines, JSON or command that were given.
client::Result<std::vector<JobDraft>> read_drafts(const JobAsk& ask) {
  std::vector<JobDraft> drafts;
  std::string problem;
  std::string text;
  bool fine = true;
  if (!ask.file.empty()) {
    fine = read_whole_file(ask.file, text, problem);
    const auto parse = is_job_json(text) ? parse_job_json : parse_job_toml;
    fine = fine && parse(text, ask.file, ask.draft, drafts, problem);
  } else if (ask.from_stdin) {
    fine = read_whole_file("-", text, problem) &&
           parse_job_json(text, "standard input", ask.draft, drafts, problem);
  } else if (!ask.each_line.empty()) {
    fine = read_whole_file(ask.each_line, text, problem);
    if (fine) parse_job_lines(text, ask.draft, drafts);
    if (fine && drafts.empty()) problem = "'" + ask.each_line + "' has no line in it";
    fine = fine && !drafts.empty();
  } else {
    drafts.push_back(ask.draft);
  }
  if (!fine || !resolve_after(drafts, problem)) return bad_argument(problem);
  return drafts;
}

/// How many of the jobs from `at` on go into one frame. Jobs that wait for each other by position
/// have to stay together.
size_t frame_of(const std::vector<JobDraft>& drafts, size_t at, bool together) {
  if (together) return drafts.size() - at;
  size_t bytes = 0;
  size_t count = 0;
  while (at + count < drafts.size() && count < core::kJobsPerSubmitMax) {
    bytes += client::encoded_bytes(drafts[at + count].spec) + 8;
    if (count > 0 && bytes > kFrameBytes) break;
    ++count;
  }
  return count;
}

/// The answer to a repeated submit explains nothing any more.
void warn_unsatisfiable(const client::SubmittedJob& job, bool repeated) {
  std::string why;
  for (const client::Elimination& each : job.explanation.eliminated) {
    why += (why.empty() ? "; " : ", ") + each.requirement + " rules out " +
           std::to_string(each.workers);
    if (each.asked == 0) continue;
    why += " (asked " + net::format_amount(each.requirement, each.asked) + ", largest " +
           net::format_amount(each.requirement, each.largest) + ")";
  }
  const bool none = !repeated && job.explanation.workers == 0;
  const std::string id = range_text({job.first, job.first + job.count - 1});
  std::fprintf(
      stderr,
      "berth: job %s stays pending: %s%s\n",
      id.c_str(),
      none ? "no worker is registered; start berth-agent"
           : "no worker that is known could ever run it",
      why.c_str());
}

std::string ids_text(const std::vector<client::SubmittedJob>& jobs) {
  std::string text;
  for (const client::SubmittedJob& job : jobs)
    text += range_text({job.first, job.first + job.count - 1}) + "\n";
  return text;
}

bool waits_for_jobs(const std::vector<JobDraft>& drafts) {
  return std::any_of(drafts.begin(), drafts.end(), [](const JobDraft& draft) {
    return !draft.spec.depends_on.empty();
  });
}

/// `jobs` ascend.
bool is_among(const std::vector<client::SubmittedJob>& jobs, client::JobId id) {
  const auto behind = std::upper_bound(
      jobs.begin(), jobs.end(), id, [](client::JobId wanted, const client::SubmittedJob& job) {
        return wanted < job.first;
      });
  return behind != jobs.begin() && id - std::prev(behind)->first < std::prev(behind)->count;
}

/// A job whose dependency cannot complete any more is taken, and aborted at once: no success for
/// whoever goes on with the id.
Exit tell_aborted(
    Session& session,
    client::BlockingClient& berth,
    const std::vector<client::SubmittedJob>& jobs) {
  client::JobFilter filter;
  filter.states = {client::JobState::Aborted};
  filter.cursor = jobs.front().first;
  const client::JobId last = jobs.back().first + jobs.back().count - 1;
  std::optional<client::JobStatus> first;
  uint64_t count = 0;
  do {
    const auto page = berth.list_jobs(filter);
    if (!page) return session.fail(page.error(), Session::OnOut::Nothing);
    for (const client::JobStatus& job : page->jobs) {
      if (!is_among(jobs, job.id)) continue;
      count += std::max(job.array_count, 1u);
      if (!first) first = job;
    }
    filter.cursor = page->next_cursor;
  } while (filter.cursor != 0 && filter.cursor <= last);
  if (!first) return Exit::Ok;
  const std::string more = count > 1 ? ", as are " + std::to_string(count - 1) + " more" : "";
  std::fprintf(
      stderr,
      "berth: job %llu is ABORTED already%s: %s\n",
      static_cast<unsigned long long>(first->id),
      more.c_str(),
      printable(first->last_error.message).c_str());
  return Exit::Failed;
}

}  // namespace

std::optional<Submitted> submit_jobs(
    Session& session, client::BlockingClient& berth, std::vector<JobDraft> drafts, Exit& exit) {
  const JobAsk& ask = session.invocation().job;
  Submitted all;
  std::vector<client::JobRange> ranges;
  bool together = false;
  for (const JobDraft& draft : drafts)
    together = together || !draft.spec.depends_on_items.empty();
  for (size_t at = 0; at < drafts.size();) {
    client::SubmitRequest request{.refuse_unsatisfiable = ask.refuse_unsatisfiable};
    const size_t count = frame_of(drafts, at, together);
    if (!ask.request_id.empty()) {
      request.request = ask.request_id + (at == 0 ? "" : "-" + std::to_string(at));
    }
    request.digest = digest_as_written(std::span(drafts).subspan(at, count));
    for (size_t i = 0; i < count; ++i)
      request.jobs.push_back(std::move(drafts[at + i].spec));
    const auto submitted = berth.submit(std::move(request));
    if (!submitted) {
      if (at > 0) {
        std::fprintf(stderr, "berth: the first %zu jobs were submitted, the others not\n", at);
      }
      exit = session.fail(submitted.error());
      break;
    }
    for (const client::SubmittedJob& job : submitted->jobs) {
      if (job.unsatisfiable) warn_unsatisfiable(job, submitted->repeated);
      if (const std::string memory = memory_text(job.forecast); !memory.empty()) {
        std::fprintf(
            stderr,
            "berth: job %s %s\n",
            range_text({job.first, job.first + job.count - 1}).c_str(),
            memory.c_str());
      }
      ranges.push_back({job.first, job.first + job.count - 1});
      all.jobs.push_back(job);
    }
    all.repeated = all.repeated || submitted->repeated;
    at += count;
  }
  if (!ranges.empty()) remember_submit(session.invocation().server, ranges);
  if (all.jobs.size() < drafts.size()) return std::nullopt;
  return all;
}

Exit run_job_submit(Session& session) {
  Exit exit = Exit::Failed;
  auto drafts = read_drafts(session.invocation().job);
  if (!drafts) return session.fail(drafts.error());
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const bool waits = waits_for_jobs(*drafts);
  const auto submitted = submit_jobs(session, *berth, std::move(drafts).value(), exit);
  if (!submitted) return exit;
  const std::string out = session.invocation().json
                              ? to_line(submitted_json(submitted->jobs, submitted->repeated))
                              : ids_text(submitted->jobs);
  if (!write_out(out)) return Exit::Failed;
  return waits ? tell_aborted(session, *berth, submitted->jobs) : Exit::Ok;
}

}  // namespace berth::cli
