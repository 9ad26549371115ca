#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "net/forms/job_shapes.h"
#include "net/forms/times.h"
#include "tools/cli/commands.h"
#include "tools/cli/job_text.h"
#include "tools/cli/selectors.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

using client::JobStatus;

/// Every page, up to the limit; the cursor to go on at, 0 when there is nothing more.
template <typename Take>
client::Result<uint64_t> for_each_page(
    client::BlockingClient& berth, client::JobFilter filter, const Take& take) {
  const uint64_t most = filter.limit == 0 ? UINT64_MAX : filter.limit;
  uint64_t seen = 0;
  while (true) {
    filter.limit = static_cast<uint32_t>(std::min<uint64_t>(most - seen, UINT32_MAX));
    if (most == UINT64_MAX) filter.limit = 0;
    client::Result<client::JobPage> page = berth.list_jobs(filter);
    if (!page) return page.error();
    seen += page->jobs.size();
    filter.cursor = page->next_cursor;
    if (!take(page.value()) || filter.cursor == 0 || seen >= most) return filter.cursor;
  }
}

// Rows leave as their page comes: a million jobs need no more memory than a page.
Exit list_as_json(Session& session, client::BlockingClient& berth) {
  bool first = true;
  bool written = true;
  const int64_t now_ms = wall_ms();
  const auto next =
      for_each_page(berth, session.invocation().job.filter, [&](const client::JobPage& page) {
        std::string out;
        for (const JobStatus& job : page.jobs) {
          out += first && out.empty() ? "{\"jobs\":[\n" : ",\n";
          const std::string line = to_line(job_json(job, now_ms));
          out.append(line, 0, line.size() - 1);
        }
        if (!page.jobs.empty()) first = false;
        written = write_out(out);
        return written;
      });
  if (!next)
    return session.fail(next.error(), first ? Session::OnOut::Json : Session::OnOut::Nothing);
  const std::string cursor = *next == 0 ? "null" : std::to_string(*next);
  const std::string end = (first ? "{\"jobs\":[" : "\n") + std::string("],\"next_cursor\":");
  return written && write_out(end + cursor + "}\n") ? Exit::Ok : Exit::Failed;
}

/// The one job that a command is about; 0, and `exit` is what to end with, when it is not found.
client::JobId only_job(Session& session, client::BlockingClient& berth, Exit& exit) {
  const Invocation& asked = session.invocation();
  const auto found = find_job(berth, asked.server, asked.job.selectors.front());
  if (found) return *found;
  exit = session.fail(found.error());
  return 0;
}

// The server may not say which job was meant; a person wants to read it.
client::Error naming(client::Error error, client::JobId job) {
  if (error.refusal == client::Refusal::NotFound) {
    error.message =
        "there is no job " + std::to_string(job) + "; 'berth job list' shows what is kept";
  }
  return error;
}

/// `aborted 3, 2 had ended already, 1 unknown`.
std::string changed_text(const client::JobsChanged& changed, const char* done, const char* there) {
  std::string text = std::string(done) + " " + std::to_string(changed.changed);
  if (changed.unchanged > 0) text += ", " + std::to_string(changed.unchanged) + " " + there;
  if (changed.unknown > 0) text += ", " + std::to_string(changed.unknown) + " unknown";
  return text + "\n";
}

Exit end_change(
    Session& session, const client::JobsChanged& changed, const char* done, const char* there) {
  const std::string out = session.invocation().json ? to_line(changed_json(changed))
                                                    : changed_text(changed, done, there);
  if (!write_out(out)) return Exit::Failed;
  if (changed.unknown == 0) return Exit::Ok;
  std::fputs(unknown_text(changed.unknown).c_str(), stderr);
  return Exit::NotFound;
}

}  // namespace

Exit run_job_list(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  if (session.invocation().json) return list_as_json(session, *berth);
  std::vector<JobStatus> all;
  const auto next =
      for_each_page(*berth, session.invocation().job.filter, [&all](client::JobPage& page) {
        std::move(page.jobs.begin(), page.jobs.end(), std::back_inserter(all));
        return true;
      });
  if (!next) return session.fail(next.error());
  if (!write_out(job_table(all, wall_ms()).text(isatty(STDOUT_FILENO) == 1))) return Exit::Failed;
  if (*next != 0) {
    std::fprintf(
        stderr,
        "there are more: --cursor %llu goes on, --limit 0 lists all\n",
        static_cast<unsigned long long>(*next));
  }
  return Exit::Ok;
}

Exit run_job_show(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const client::JobId job = only_job(session, *berth, exit);
  if (job == 0) return exit;
  const auto details = berth->show_job(job);
  if (!details) return session.fail(naming(details.error(), job));
  const std::string out = session.invocation().json ? to_line(job_details_json(*details, wall_ms()))
                                                    : job_details_text(*details, wall_ms());
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

Exit run_job_explain(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const client::JobId job = only_job(session, *berth, exit);
  if (job == 0) return exit;
  const auto explanation = berth->explain_job(job);
  if (!explanation) return session.fail(naming(explanation.error(), job));
  if (session.invocation().json) {
    const std::string line = to_line(job_explanation_json(*explanation, wall_ms()));
    return write_out(line) ? Exit::Ok : Exit::Failed;
  }
  // An explanation has no spec. It may be gone meanwhile; nothing is known of an estimate then.
  const auto details = berth->show_job(job);
  const bool has_estimate = details && details->spec.estimated.count() > 0;
  const std::string out = job_explanation_text(*explanation, has_estimate, wall_ms());
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

Exit run_job_abort(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto jobs = find_jobs(*berth, asked.server, asked.job.selectors);
  if (!jobs) return session.fail(jobs.error());
  const auto changed =
      berth->abort_jobs({.jobs = *jobs, .worker = asked.job.worker, .reason = asked.reason});
  if (!changed) return session.fail(changed.error());
  if (changed->changed == 0 && !asked.job.worker.empty()) {
    // Nothing runs on a worker whose name is misspelt, either.
    const auto worker = berth->show_worker(asked.job.worker);
    if (!worker) return session.fail(naming_worker(worker.error(), asked.job.worker));
  }
  return end_change(session, *changed, "aborted", "had ended already");
}

Exit run_job_retry(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto jobs = find_jobs(*berth, asked.server, asked.job.selectors);
  if (!jobs) return session.fail(jobs.error());
  const auto changed = berth->retry_jobs(*jobs);
  if (!changed) return session.fail(changed.error());
  exit = end_change(session, *changed, "started again", "had not failed");
  // Asked for one thing, and not done: that is no success.
  return exit == Exit::Ok && changed->changed == 0 ? Exit::Conflict : exit;
}

Exit run_backup(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto done = berth->back_up(asked.job.path);
  if (!done) return session.fail(done.error());
  const std::string out = asked.json ? to_line({{"path", asked.job.path}})
                                     : "the store is copied to " + printable(asked.job.path) +
                                           " on the server's machine\n";
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
