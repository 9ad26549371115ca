#include <cstdio>
#include <future>
#include <optional>
#include <utility>

#include "tools/cli/commands.h"
#include "tools/cli/job_shapes.h"
#include "tools/cli/job_text.h"
#include "tools/cli/selectors.h"

namespace berth::cli {

Exit run_job_watch(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto jobs = find_jobs(*berth, asked.server, asked.job.selectors);
  if (!jobs) return session.fail(jobs.error());
  // All below runs on the client's thread, but for the wait for its end.
  std::promise<std::optional<client::Error>> end;
  bool ended = false;
  uint32_t seen = 0;
  const auto leave = [&](std::optional<client::Error> why) {
    if (!std::exchange(ended, true)) end.set_value(std::move(why));
  };
  const client::WatchId watch = berth->async().watch_jobs(
      {.jobs = *jobs, .after = asked.job.after},
      [&](const client::JobEvent& event) {
        if (ended) return;
        if (!write_out(asked.json ? to_line(job_event_json(event)) : job_event_text(event))) {
          exit = Exit::Failed;
          leave(std::nullopt);
        } else if (!event.gap && asked.count > 0 && ++seen >= asked.count) {
          leave(std::nullopt);
        }
      },
      [&](const client::Result<client::Done>& started) {
        if (started) {
          std::fprintf(stderr, "watching jobs at %s\n", asked.server.c_str());
        } else {
          leave(started.error());
        }
      });
  const std::optional<client::Error> error = end.get_future().get();
  berth->async().unwatch(watch);
  session.close();  // an event may be on its way to what is on this stack
  return error ? session.fail(*error) : exit;
}

}  // namespace berth::cli
