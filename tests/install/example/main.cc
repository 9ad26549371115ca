// Registers two workers, places a task until a worker takes it, and gives the place back.
//
//   example HOST:PORT

#include <berth/client.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

using namespace berth;

namespace {

int fail(const char* what, const client::Error& error) {
  std::fprintf(stderr, "%s: %s\n", what, error.message.c_str());
  return 1;
}

// An epoch has to be later than that of the worker's earlier life: the clock is, from start to
// start.
uint64_t this_life() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

client::Heartbeat beat_of(const char* worker) {
  client::Heartbeat beat{.worker = worker, .epoch = this_life(), .sequence = 1};
  beat.profile = client::Profile{.address = "127.0.0.1:9", .tags = {"example"}};
  beat.profile->capacity.slots = 2;
  beat.profile->capacity.cpu_milli = 4'000;
  return beat;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: example HOST:PORT\n");
    return 2;
  }
  client::Options options;
  options.endpoints = {argv[1]};
  auto made = client::BlockingClient::create(options);
  if (!made) return fail("create", made.error());
  client::BlockingClient& berth = *made.value();

  for (const char* worker : {"example-1", "example-2"}) {
    const auto beaten = berth.heartbeat(beat_of(worker));
    if (!beaten) return fail("heartbeat", beaten.error());
  }
  client::PlaceRequest request{.task = "example-task"};
  request.all_tags = {"example"};
  request.demand.cpu_milli = 500;
  std::string refused;
  const auto placed = berth.place_until_accepted(request, [&](const client::Placement& offer) {
    if (!refused.empty()) return true;
    refused = offer.worker;  // the first worker refuses
    return false;
  });
  if (!placed) return fail("place", placed.error());
  std::printf("refused by %s, placed on %s\n", refused.c_str(), placed->worker.c_str());

  const auto released = berth.release({.reservations = {placed->reservation}});
  if (!released) return fail("release", released.error());
  std::printf("released %u\n", released->released);
  return placed->worker != refused && released->released == 1 ? 0 : 1;
}
