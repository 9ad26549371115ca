#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "net/forms/job_shapes.h"
#include "tools/cli/commands.h"
#include "tools/cli/job_text.h"
#include "tools/cli/selectors.h"

namespace berth::cli {
namespace {

using client::JobState;

/// All that have not ended, as ranges without gaps.
client::Result<std::vector<client::JobRange>> live_jobs(client::BlockingClient& berth) {
  std::vector<client::JobRange> jobs;
  client::JobFilter filter;
  filter.states = {
      JobState::Pending, JobState::Assigned, JobState::Running, JobState::Lost, JobState::Retrying};
  do {
    const auto page = berth.list_jobs(filter);
    if (!page) return page.error();
    for (const client::JobStatus& job : page->jobs) {
      const client::JobId last = job.id + std::max(job.array_count, 1u) - 1;
      if (!jobs.empty() && jobs.back().last + 1 == job.id) {
        jobs.back().last = last;
      } else {
        jobs.push_back({job.id, last});
      }
    }
    filter.cursor = page->next_cursor;
  } while (filter.cursor != 0);
  return jobs;
}

/// A line on the terminal that is written over.
class Progress {
 public:
  Progress() : shown_(isatty(STDERR_FILENO) == 1) {}

  void show(const client::JobCounts& counts) const {
    if (!shown_) return;
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    const std::string line = progress_text(counts, known ? size.ws_col - 1 : 79);
    std::fprintf(stderr, "\r%s\033[K", line.c_str());
    std::fflush(stderr);
  }

  void end() const {
    if (shown_) std::fputs("\n", stderr);
  }

 private:
  const bool shown_;
};

std::string ended_text(const client::JobCounts& counts) {
  std::string text;
  for (const JobState state : {JobState::Completed, JobState::Failed, JobState::Aborted}) {
    if (counts.of(state) == 0 && state != JobState::Completed) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(counts.of(state)) + " " +
            std::string(client::state_token(state));
  }
  return text + "\n";
}

Exit end_of(const client::JobCounts& counts) {
  if (counts.of(JobState::Failed) + counts.of(JobState::Aborted) > 0) {
    std::fprintf(
        stderr,
        "berth: job %llu is the first that did not complete; 'berth job show %llu' says why\n",
        static_cast<unsigned long long>(counts.first_failed),
        static_cast<unsigned long long>(counts.first_failed));
    return Exit::Failed;
  }
  if (counts.unknown == 0) return Exit::Ok;
  std::fputs(unknown_text(counts.unknown).c_str(), stderr);
  return Exit::NotFound;
}

}  // namespace

Exit run_job_wait(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto jobs =
      asked.job.all ? live_jobs(*berth) : find_jobs(*berth, asked.server, asked.job.selectors);
  if (!jobs) return session.fail(jobs.error());
  client::JobCounts last;
  const Progress progress;
  if (jobs->empty()) {
    last.done = true;
  } else {
    client::WaitRequest request{.jobs = *jobs, .timeout = asked.job.patience};
    request.on_progress = [&](const client::JobCounts& counts) {
      last = counts;
      progress.show(counts);
    };
    const auto counts = berth->wait_jobs(std::move(request));
    progress.end();
    const bool late = !counts && counts.error().code == client::ErrorCode::TimedOut;
    if (late && asked.json && !write_out(to_line(counts_json(last, true)))) return Exit::Failed;
    if (!counts) {
      return session.fail(counts.error(), late ? Session::OnOut::Nothing : Session::OnOut::Json);
    }
    last = *counts;
  }
  const std::string said =
      jobs->empty() ? "there is nothing to wait for: all jobs have ended\n" : ended_text(last);
  const std::string out = asked.json ? to_line(counts_json(last, false)) : said;
  return write_out(out) ? end_of(last) : Exit::Failed;
}

}  // namespace berth::cli
