#include "tools/cli/replay_server.h"

#include <string>

namespace berth::cli {

namespace {

VirtualServer::Shape shape_of(size_t jobs, int64_t processors, const ReplaySettings& settings) {
  VirtualServer::Shape shape;
  shape.slots = processors;
  shape.jobs = jobs;
  shape.planning.on = settings.policy == ReplayPolicy::Plan;
  shape.seed = settings.seed;
  shape.steps = settings.steps;
  return shape;
}

}  // namespace

ServerScheduler::ServerScheduler(
    std::span<const LoggedJob> jobs, int64_t processors, const ReplaySettings& settings)
    : jobs_(jobs),
      estimates_(settings.estimates),
      server_(shape_of(jobs.size(), processors, settings), -1),
      number_of_(jobs.size()) {}

void ServerScheduler::submit(int64_t now_s, size_t index) {
  const LoggedJob& job = jobs_[index];
  const std::string own_name = "job " + std::to_string(job.id);
  VirtualJob made;
  made.name = job.program;
  made.user = job.user;
  made.queue = job.queue;
  made.slots = job.processors;
  if (estimates_ == Estimates::Requested) made.estimated_s = job.requested_s;
  if (estimates_ == Estimates::Actual) made.estimated_s = made.timeout_s = job.run_s;
  if (made.estimated_s > 0) made.name = own_name;
  server_.set_clock(now_s);
  server_.submit(made);
  number_of_[index] = submitted_.size();
  submitted_.push_back(index);
}

void ServerScheduler::end(int64_t now_s, size_t index) {
  server_.set_clock(now_s);
  server_.complete(number_of_[index], jobs_[index].run_s);
}

std::vector<size_t> ServerScheduler::settle(int64_t now_s) {
  server_.set_clock(now_s);
  std::vector<size_t> started;
  for (size_t number : server_.settle())
    started.push_back(submitted_[number]);
  return started;
}

}  // namespace berth::cli
