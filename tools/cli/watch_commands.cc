#include <cstdio>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "net/forms/event_shapes.h"
#include "net/forms/job_shapes.h"
#include "tools/cli/commands.h"
#include "tools/cli/event_text.h"
#include "tools/cli/job_text.h"
#include "tools/cli/selectors.h"
#include "tools/cli/shapes.h"

namespace berth::cli {
namespace {

using Started = client::Callback<client::Done>;

/// Prints what a watch says until it has said enough. `start` begins the watch with `on_event`,
/// whose text `render` makes. Gaps count where `gaps_count`.
template <typename Event>
Exit follow(
    Session& session,
    const char* what,
    bool gaps_count,
    const std::function<std::string(const Event&)>& render,
    const std::function<client::WatchId(std::function<void(const Event&)>, Started)>& start) {
  // All below runs on the client's thread, but for the wait for its end.
  Exit exit = Exit::Ok;
  const Invocation& asked = session.invocation();
  std::promise<std::optional<client::Error>> end;
  bool ended = false;
  uint32_t seen = 0;
  const auto leave = [&](std::optional<client::Error> why) {
    if (!std::exchange(ended, true)) end.set_value(std::move(why));
  };
  const client::WatchId watch = start(
      [&](const Event& event) {
        if (ended) return;
        if (!write_out(render(event))) {
          exit = Exit::Failed;
          leave(std::nullopt);
        } else if ((gaps_count || !event.gap) && asked.count > 0 && ++seen >= asked.count) {
          leave(std::nullopt);
        }
      },
      [&](const client::Result<client::Done>& started) {
        if (started) {
          std::fprintf(stderr, "watching %s at %s\n", what, asked.server.c_str());
        } else {
          leave(started.error());
        }
      });
  const std::optional<client::Error> error = end.get_future().get();
  session.client(exit)->async().unwatch(watch);
  session.close();  // an event may be on its way to what is on this stack
  return error ? session.fail(*error) : exit;
}

}  // namespace

Exit run_watch(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const bool json = session.invocation().json;
  return follow<client::WorkerEvent>(
      session,
      "workers",
      true,
      [json](const client::WorkerEvent& event) {
        return json ? to_line(event_json(event)) : event_text(event);
      },
      [berth](auto on_event, Started started) {
        return berth->async().watch(std::move(on_event), std::move(started));
      });
}

Exit run_job_watch(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto jobs = find_jobs(*berth, asked.server, asked.job.selectors);
  if (!jobs) return session.fail(jobs.error());
  return follow<client::JobEvent>(
      session,
      "jobs",
      false,
      [&asked](const client::JobEvent& event) {
        return asked.json ? to_line(job_event_json(event)) : job_event_text(event);
      },
      [&](auto on_event, Started started) {
        return berth->async().watch_jobs(
            {.jobs = *jobs, .after = asked.job.after}, std::move(on_event), std::move(started));
      });
}

Exit run_events(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  client::EventWatchRequest wanted;
  if (!asked.kinds.empty()) wanted.kinds.clear();
  for (const std::string& kind : asked.kinds)
    wanted.kinds.push_back(*client::kind_from(kind));  // checked with the arguments
  wanted.worker = asked.worker;
  wanted.after = asked.job.after;
  return follow<client::Event>(
      session,
      "events",
      false,
      [&asked](const client::Event& event) {
        return asked.json ? to_line(forms::event_json(event)) : event_text(event);
      },
      [&](auto on_event, Started started) {
        return berth->async().watch_events(wanted, std::move(on_event), std::move(started));
      });
}

}  // namespace berth::cli
