#include "net/client/client.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "net/client/impl.h"
#include "net/client/promised.h"

namespace berth::client {
namespace {

using Frame = std::vector<std::byte>;

// A request that waits on the server is given the time it waits and then its timeout.
Milliseconds with_wait(const PlaceRequest& request, Milliseconds timeout, const Options& options) {
  return request.wait + (timeout.count() > 0 ? timeout : options.timeout);
}

Result<std::vector<net::HostPort>> parse_all(const std::vector<std::string>& endpoints) {
  std::vector<net::HostPort> parsed(endpoints.size());
  std::string problem;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (!net::parse_host_port(endpoints[i], kDefaultPort, parsed[i], problem)) {
      return Error{.code = ErrorCode::BadArgument, .message = "endpoint " + problem};
    }
  }
  if (parsed.empty()) {
    return Error{
        .code = ErrorCode::BadArgument, .message = "no endpoint is given; name one as HOST:PORT"};
  }
  return parsed;
}

}  // namespace

Result<std::vector<std::string>> parse_endpoints(const std::string& list) {
  std::vector<std::string> endpoints;
  for (size_t from = 0; from <= list.size();) {
    const size_t end = std::min(list.find(',', from), list.size());
    endpoints.push_back(list.substr(from, end - from));
    from = end + 1;
  }
  const Result<std::vector<net::HostPort>> parsed = parse_all(endpoints);
  if (!parsed) return parsed.error();
  for (size_t i = 0; i < endpoints.size(); ++i) {
    endpoints[i] = net::format_host_port(parsed.value()[i]);
  }
  return endpoints;
}

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
  impl_->shut_down();
}

Result<std::unique_ptr<Client>> Client::create(Options options) {
  return create_on(nullptr, std::move(options));
}

Result<std::unique_ptr<Client>> Client::create_on(uv_loop_s* loop, Options options) {
  Result<std::vector<net::HostPort>> endpoints = parse_all(options.endpoints);
  if (!endpoints) return endpoints.error();
  auto impl = std::make_shared<Impl>(std::move(options), std::move(endpoints).value());
  if (Result<Done> started = impl->start(loop); !started) return started.error();
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

bool Client::on_loop_thread() const {
  return impl_->on_loop_thread();
}

// ---- Requests -------------------------------------------------------------------------------

void Client::place(PlaceRequest request, Callback<Placement> done, Milliseconds timeout) {
  impl_->submit(
      std::move(done),
      Resend::Harmless,
      with_wait(request, timeout, impl_->options()),
      [&request](Outgoing& to, Frame& frame) { to.place(request, frame); });
}

void Client::place_until_accepted(
    PlaceRequest request, TryStart try_start, Callback<Placement> done, Milliseconds timeout) {
  const Milliseconds each = with_wait(request, timeout, impl_->options());
  impl_->start_reask(std::move(request), std::move(try_start), std::move(done), each);
}

void Client::release(ReleaseRequest request, Callback<Released> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&request](Outgoing& to, Frame& frame) {
    to.release(request, frame);
  });
}

void Client::release(ReservationId reservation) {
  impl_->release_later(reservation);
}

void Client::heartbeat(Heartbeat beat, Callback<HeartbeatAnswer> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Never, timeout, [&beat](Outgoing& to, Frame& frame) {
    to.heartbeat(beat, frame);
  });
}

void Client::list_workers(ListRequest request, Callback<WorkerPage> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&request](Outgoing& to, Frame& frame) {
    to.list_workers(request, frame);
  });
}

void Client::show_worker(std::string worker, Callback<Worker> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [&worker](Outgoing& to, Frame& frame) {
    to.encode(wire::ShowWorker{.worker = worker}, frame);
  });
}

void Client::set_worker(
    std::string worker,
    WorkerAction action,
    std::string reason,
    Callback<Done> done,
    Milliseconds timeout) {
  const wire::SetWorker request{
      .worker = worker, .action = static_cast<wire::WorkerAction>(action), .reason = reason};
  impl_->submit(std::move(done), Resend::Never, timeout, [&request](Outgoing& to, Frame& frame) {
    to.encode(request, frame);
  });
}

void Client::stats(Callback<std::vector<Stat>> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [](Outgoing& to, Frame& frame) {
    to.encode(wire::GetStats{}, frame);
  });
}

void Client::tags(Callback<std::vector<TagCount>> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [](Outgoing& to, Frame& frame) {
    to.encode(wire::ListTags{}, frame);
  });
}

void Client::ping(Callback<std::chrono::nanoseconds> done, Milliseconds timeout) {
  impl_->submit(
      PingDone{std::move(done), uv_hrtime()},
      Resend::Harmless,
      timeout,
      [](Outgoing& to, Frame& frame) { to.encode(wire::Ping{}, frame); });
}

void Client::server(Callback<ServerInfo> done, Milliseconds timeout) {
  impl_->submit(std::move(done), Resend::Harmless, timeout, [](Outgoing& to, Frame& frame) {
    to.encode(wire::Ping{}, frame);
  });
}

WatchId Client::watch(std::function<void(const WorkerEvent&)> on_event, Callback<Done> started) {
  return impl_->watch(std::move(on_event), std::move(started));
}

void Client::unwatch(WatchId watch) {
  impl_->unwatch(watch);
}

// ---- Futures --------------------------------------------------------------------------------

std::future<Result<Placement>> Client::place(PlaceRequest request) {
  auto [done, future] = promised<Placement>();
  place(std::move(request), std::move(done));
  return std::move(future);
}

std::future<Result<Released>> Client::release(ReleaseRequest request) {
  auto [done, future] = promised<Released>();
  release(std::move(request), std::move(done));
  return std::move(future);
}

std::future<Result<HeartbeatAnswer>> Client::heartbeat(Heartbeat beat) {
  auto [done, future] = promised<HeartbeatAnswer>();
  heartbeat(std::move(beat), std::move(done));
  return std::move(future);
}

std::future<Result<WorkerPage>> Client::list_workers(ListRequest request) {
  auto [done, future] = promised<WorkerPage>();
  list_workers(std::move(request), std::move(done));
  return std::move(future);
}

}  // namespace berth::client
