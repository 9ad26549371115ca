#include <memory>
#include <random>
#include <utility>

#include "net/client/client.h"
#include "net/client/follow.h"
#include "net/client/impl.h"
#include "net/client/promised.h"
#include "net/client/wait_for.h"

// The jobs of `Client` and `BlockingClient`.

namespace berth::client {
namespace {

using Frame = std::vector<std::byte>;

// 128 random bits: no two submits of the world share them.
std::string random_request() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    uint32_t bits = random();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4)
      text += "0123456789abcdef"[bits & 15];
  }
  return text;
}

}  // namespace

// ---- Requests -----------------------------------------------------------------------------------

void Client::submit(SubmitRequest request, Callback<SubmitResult> done, Milliseconds timeout) {
  if (request.request.empty()) request.request = random_request();
  impl_->submit(std::move(done), Resend::Insist, timeout, [&request](Outgoing& to, Frame& frame) {
    to.submit(request, frame);
  });
}

void Client::list_jobs(JobFilter filter, Callback<JobPage> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&filter](Outgoing& to, Frame& frame) {
    to.list_jobs(filter, frame);
  });
}

void Client::show_job(JobId job, Callback<JobDetails> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [job](Outgoing& to, Frame& frame) {
    to.encode(wire::ShowJob{.job = {job}}, frame);
  });
}

void Client::explain_job(JobId job, Callback<JobExplanation> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [job](Outgoing& to, Frame& frame) {
    to.encode(wire::ExplainJob{.job = {job}}, frame);
  });
}

void Client::list_plans(PlansRequest request, Callback<PlanPage> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&request](Outgoing& to, Frame& frame) {
    to.encode(wire::ListPlans{.before = request.before, .limit = request.limit}, frame);
  });
}

void Client::show_plan(PlanRequest request, Callback<PlanDetails> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&request](Outgoing& to, Frame& frame) {
    const wire::GetPlan get = {
        .plan = request.plan,
        .job = {request.job},
        .cursor = request.cursor,
        .limit = request.limit};
    to.encode(get, frame);
  });
}

void Client::abort_jobs(AbortRequest request, Callback<JobsChanged> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&request](Outgoing& to, Frame& frame) {
    to.abort_jobs(request, frame);
  });
}

void Client::retry_jobs(
    std::vector<JobRange> jobs, Callback<JobsChanged> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Never, timeout, [&jobs](Outgoing& to, Frame& frame) {
    to.retry_jobs(jobs, frame);
  });
}

void Client::read_log(LogRequest request, Callback<LogChunk> done, Milliseconds timeout) {
  const Milliseconds all =
      request.wait + (timeout.count() > 0 ? timeout : impl_->options().timeout);
  impl_->submit(std::move(done), Resend::Harmless, all, [&request](Outgoing& to, Frame& frame) {
    to.read_log(request, frame);
  });
}

void Client::back_up(std::string path, Callback<Done> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Never, timeout, [&path](Outgoing& to, Frame& frame) {
    to.encode(wire::BackUp{.path = path}, frame);
  });
}

// ---- What asks again and again
// --------------------------------------------------------------------

void Client::wait_jobs(WaitRequest request, Callback<JobCounts> done) {
  std::make_shared<JobWait>(impl_, std::move(request), std::move(done))->ask();
}

void Client::follow_log(
    LogRequest request, std::function<bool(const LogChunk&)> on_chunk, Callback<LogEnd> done) {
  std::make_shared<LogFollow>(impl_, request, std::move(on_chunk), std::move(done))->ask();
}

WatchId Client::watch_jobs(
    JobWatchRequest request,
    std::function<void(const JobEvent&)> on_event,
    Callback<Done> started) {
  return impl_->watch_events(
      {.kinds = {EventKind::Job}, .jobs = std::move(request.jobs), .after = request.after},
      std::move(on_event),
      std::move(started));
}

WatchId Client::watch_events(
    EventWatchRequest request, std::function<void(const Event&)> on_event, Callback<Done> started) {
  return impl_->watch_events(std::move(request), std::move(on_event), std::move(started));
}

// ---- Futures
// --------------------------------------------------------------------------------------

std::future<Result<SubmitResult>> Client::submit(SubmitRequest request) {
  auto [done, future] = promised<SubmitResult>();
  submit(std::move(request), std::move(done));
  return std::move(future);
}

std::future<Result<JobPage>> Client::list_jobs(JobFilter filter) {
  auto [done, future] = promised<JobPage>();
  list_jobs(std::move(filter), std::move(done));
  return std::move(future);
}

std::future<Result<JobDetails>> Client::show_job(JobId job) {
  auto [done, future] = promised<JobDetails>();
  show_job(job, std::move(done));
  return std::move(future);
}

std::future<Result<JobsChanged>> Client::abort_jobs(AbortRequest request) {
  auto [done, future] = promised<JobsChanged>();
  abort_jobs(std::move(request), std::move(done));
  return std::move(future);
}

std::future<Result<JobCounts>> Client::wait_jobs(WaitRequest request) {
  auto [done, future] = promised<JobCounts>();
  wait_jobs(std::move(request), std::move(done));
  return std::move(future);
}

// ---- Waiting for the answer
// -----------------------------------------------------------------------

Result<SubmitResult> BlockingClient::submit(SubmitRequest request, Milliseconds timeout) {
  return wait_for<SubmitResult>(*client_, [&](Callback<SubmitResult> done) {
    client_->submit(std::move(request), std::move(done), timeout);
  });
}

Result<JobPage> BlockingClient::list_jobs(JobFilter filter, Milliseconds timeout) {
  return wait_for<JobPage>(*client_, [&](Callback<JobPage> done) {
    client_->list_jobs(std::move(filter), std::move(done), timeout);
  });
}

Result<JobDetails> BlockingClient::show_job(JobId job, Milliseconds timeout) {
  return wait_for<JobDetails>(*client_, [&](Callback<JobDetails> done) {
    client_->show_job(job, std::move(done), timeout);
  });
}

Result<JobExplanation> BlockingClient::explain_job(JobId job, Milliseconds timeout) {
  return wait_for<JobExplanation>(*client_, [&](Callback<JobExplanation> done) {
    client_->explain_job(job, std::move(done), timeout);
  });
}

Result<PlanPage> BlockingClient::list_plans(PlansRequest request, Milliseconds timeout) {
  return wait_for<PlanPage>(*client_, [&](Callback<PlanPage> done) {
    client_->list_plans(request, std::move(done), timeout);
  });
}

Result<PlanDetails> BlockingClient::show_plan(PlanRequest request, Milliseconds timeout) {
  return wait_for<PlanDetails>(*client_, [&](Callback<PlanDetails> done) {
    client_->show_plan(request, std::move(done), timeout);
  });
}

Result<JobsChanged> BlockingClient::abort_jobs(AbortRequest request, Milliseconds timeout) {
  return wait_for<JobsChanged>(*client_, [&](Callback<JobsChanged> done) {
    client_->abort_jobs(std::move(request), std::move(done), timeout);
  });
}

Result<JobsChanged> BlockingClient::retry_jobs(std::vector<JobRange> jobs, Milliseconds timeout) {
  return wait_for<JobsChanged>(*client_, [&](Callback<JobsChanged> done) {
    client_->retry_jobs(std::move(jobs), std::move(done), timeout);
  });
}

Result<JobCounts> BlockingClient::wait_jobs(WaitRequest request) {
  return wait_for<JobCounts>(*client_, [&](Callback<JobCounts> done) {
    client_->wait_jobs(std::move(request), std::move(done));
  });
}

Result<LogChunk> BlockingClient::read_log(LogRequest request, Milliseconds timeout) {
  return wait_for<LogChunk>(*client_, [&](Callback<LogChunk> done) {
    client_->read_log(request, std::move(done), timeout);
  });
}

Result<LogEnd> BlockingClient::follow_log(
    LogRequest request, std::function<bool(const LogChunk&)> on_chunk) {
  return wait_for<LogEnd>(*client_, [&](Callback<LogEnd> done) {
    client_->follow_log(request, std::move(on_chunk), std::move(done));
  });
}

Result<Done> BlockingClient::back_up(std::string path, Milliseconds timeout) {
  return wait_for<Done>(*client_, [&](Callback<Done> done) {
    client_->back_up(std::move(path), std::move(done), timeout);
  });
}

}  // namespace berth::client
