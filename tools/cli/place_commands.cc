#include <cstdio>

#include "net/text/units.h"
#include "tools/cli/commands.h"
#include "tools/cli/table.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

std::string time_text(client::Milliseconds time) {
  return net::format_duration(core::Duration::milliseconds(time.count()));
}

std::string placement_text(const std::string& task, const client::Placement& placement) {
  char load[32];
  std::snprintf(load, sizeof(load), "%.2f", placement.load);
  std::string gpus;
  for (const uint16_t gpu : placement.gpus)
    gpus += (gpus.empty() ? "" : ",") + std::to_string(gpu);
  Table table(
      {{"TASK"}, {"WORKER"}, {"ADDRESS"}, {"RESERVATION"}, {"EXPIRES IN"}, {"GPUS"}, {"LOAD"}});
  table.add(
      {task,
       placement.worker,
       placement.address,
       std::to_string(placement.reservation),
       time_text(placement.expires_in),
       gpus.empty() ? "-" : gpus,
       load});
  return table.text();
}

}  // namespace

Exit run_place(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const client::Result<client::Placement> placed = berth->place(asked.place);
  if (!placed) return session.fail(placed.error());
  std::string out = asked.json ? to_line(placement_json(*placed, asked.place.explain))
                               : placement_text(asked.place.task, *placed);
  if (asked.place.explain && !asked.json) out += explanation_text(placed->explanation);
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

Exit run_release(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const client::Result<client::Released> result = berth->release(asked.release);
  if (!result) return session.fail(result.error());
  if (asked.json) {
    const Json json = {{"released", result->released}, {"unknown", result->unknown}};
    if (!write_out(to_line(json))) return Exit::Failed;
  } else if (result->released > 0) {
    if (!write_out("released " + std::to_string(result->released) + "\n")) return Exit::Failed;
  }
  if (result->unknown == 0) return Exit::Ok;
  std::fprintf(
      stderr,
      "berth: %u of %zu were not held: expired, released before, or never given\n",
      result->unknown,
      asked.release.tasks.size() + asked.release.reservations.size());
  return Exit::NotFound;
}

}  // namespace berth::cli
