#include "tools/cli/event_text.h"

#include <ctime>

#include "tools/cli/job_text.h"
#include "tools/cli/terminal.h"

namespace berth::cli {
namespace {

constexpr const char* kGap = "-- events may be missing here --\n";

std::string clock_text(int64_t at_ms) {
  char time[16] = "";
  const time_t seconds = at_ms / 1000;
  tm local{};
  localtime_r(&seconds, &local);
  std::strftime(time, sizeof(time), "%H:%M:%S", &local);
  return time;
}

std::string change_text(
    const std::string& worker, client::WorkerChange change, const std::string& reason) {
  const std::string why = reason.empty() ? "" : " (" + printable(reason) + ")";
  return "  " + printable(worker) + "  " + std::string(client::change_token(change)) + why + "\n";
}

std::string plan_text(const client::Event& event) {
  const std::string plan = "  plan " + std::to_string(event.plan) + " of " + event.plan_of;
  if (event.plan_of == "requests") return plan + " placed " + std::to_string(event.count) + "\n";
  const std::string why = event.reason.empty() ? "" : " (" + printable(event.reason) + ")";
  return plan + " " + event.plan_outcome + why + ", made for " + event.plan_cause + ": " +
         std::to_string(event.count) + " planned, " + std::to_string(event.moved) + " moved\n";
}

}  // namespace

std::string event_text(const client::Event& event) {
  if (event.gap) return kGap;
  switch (event.kind) {
    case client::EventKind::Job: return job_event_text(event);
    case client::EventKind::Worker:
      return clock_text(event.at_ms) + change_text(event.worker, event.worker_change, event.reason);
    case client::EventKind::Plan: return clock_text(event.at_ms) + plan_text(event);
    case client::EventKind::Server: break;
  }
  return clock_text(event.at_ms) + "  server " +
         std::string(client::server_change_token(event.server_change)) + "\n";
}

std::string event_text(const client::WorkerEvent& event) {
  if (event.gap) return kGap;
  return clock_text(event.server_time_ms) + change_text(event.worker, event.change, event.reason);
}

}  // namespace berth::cli
