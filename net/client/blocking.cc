#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "net/client/client.h"
#include "net/client/wait_for.h"

namespace berth::client {

Result<std::unique_ptr<BlockingClient>> BlockingClient::create(Options options) {
  Result<std::unique_ptr<Client>> client = Client::create(std::move(options));
  if (!client) return client.error();
  return std::make_unique<BlockingClient>(std::move(client).value());
}

Result<Placement> BlockingClient::place(PlaceRequest request, Milliseconds timeout) {
  return wait_for<Placement>(*client_, [&](Callback<Placement> done) {
    client_->place(std::move(request), std::move(done), timeout);
  });
}

Result<Placement> BlockingClient::place_until_accepted(
    PlaceRequest request,
    const std::function<bool(const Placement&)>& try_start,
    Milliseconds timeout) {
  if (client_->on_loop_thread()) return place(std::move(request), timeout);  // answers bad_argument
  // Either an offer to decide on, or the end.
  struct Next {
    std::optional<std::pair<Placement, Accept>> offer;
    std::optional<Result<Placement>> end;
  };
  std::mutex mutex;
  std::condition_variable changed;
  Next next;
  client_->place_until_accepted(
      std::move(request),
      [&](const Placement& placement, Accept accept) {
        std::lock_guard lock(mutex);
        next.offer.emplace(placement, std::move(accept));
        changed.notify_one();
      },
      [&](Result<Placement> result) {
        std::lock_guard lock(mutex);
        next.end = std::move(result);
        changed.notify_one();
      },
      timeout);
  while (true) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return next.offer.has_value() || next.end.has_value(); });
    if (next.end) return std::move(*next.end);
    const auto [placement, accept] = std::move(*std::exchange(next.offer, std::nullopt));
    lock.unlock();
    accept(try_start(placement));
  }
}

Result<Released> BlockingClient::release(ReleaseRequest request, Milliseconds timeout) {
  return wait_for<Released>(*client_, [&](Callback<Released> done) {
    client_->release(std::move(request), std::move(done), timeout);
  });
}

Result<HeartbeatAnswer> BlockingClient::heartbeat(Heartbeat beat, Milliseconds timeout) {
  return wait_for<HeartbeatAnswer>(*client_, [&](Callback<HeartbeatAnswer> done) {
    client_->heartbeat(std::move(beat), std::move(done), timeout);
  });
}

Result<WorkerPage> BlockingClient::list_workers(ListRequest request, Milliseconds timeout) {
  return wait_for<WorkerPage>(*client_, [&](Callback<WorkerPage> done) {
    client_->list_workers(std::move(request), std::move(done), timeout);
  });
}

Result<Worker> BlockingClient::show_worker(std::string worker, Milliseconds timeout) {
  return wait_for<Worker>(*client_, [&](Callback<Worker> done) {
    client_->show_worker(std::move(worker), std::move(done), timeout);
  });
}

Result<Done> BlockingClient::set_worker(
    std::string worker, WorkerAction action, std::string reason, Milliseconds timeout) {
  return wait_for<Done>(*client_, [&](Callback<Done> done) {
    client_->set_worker(std::move(worker), action, std::move(reason), std::move(done), timeout);
  });
}

Result<std::vector<Stat>> BlockingClient::stats(Milliseconds timeout) {
  return wait_for<std::vector<Stat>>(*client_, [&](Callback<std::vector<Stat>> done) {
    client_->stats(std::move(done), timeout);
  });
}

Result<std::vector<TagCount>> BlockingClient::tags(Milliseconds timeout) {
  return wait_for<std::vector<TagCount>>(*client_, [&](Callback<std::vector<TagCount>> done) {
    client_->tags(std::move(done), timeout);
  });
}

Result<std::chrono::nanoseconds> BlockingClient::ping(Milliseconds timeout) {
  return wait_for<std::chrono::nanoseconds>(*client_, [&](Callback<std::chrono::nanoseconds> done) {
    client_->ping(std::move(done), timeout);
  });
}

Result<ServerInfo> BlockingClient::server(Milliseconds timeout) {
  return wait_for<ServerInfo>(
      *client_, [&](Callback<ServerInfo> done) { client_->server(std::move(done), timeout); });
}

}  // namespace berth::client
