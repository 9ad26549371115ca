// Registers two workers, places a task until a worker takes it, and gives the place back; then
// hands over a durable job, looks at it and takes it back.
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

/// No agent runs here, so the job waits until it is aborted.
int submit_a_job(client::BlockingClient& berth) {
  client::JobSpec job{.name = "example-job", .command = {"echo", "hello"}};
  job.demand.cpu_milli = 500;
  job.attempts_max = 3;
  const auto submitted = berth.submit({.jobs = {job}});
  if (!submitted) return fail("submit", submitted.error());
  const client::JobId id = submitted->jobs.at(0).first;
  const auto shown = berth.show_job(id);
  if (!shown) return fail("show", shown.error());
  std::printf("submitted %s, attempts %u\n", shown->spec.name.c_str(), shown->job.attempts_max);
  const auto aborted = berth.abort_jobs({.jobs = {{id, id}}, .reason = "only an example"});
  if (!aborted) return fail("abort", aborted.error());
  const auto ended = berth.wait_jobs({.jobs = {{id, id}}});
  if (!ended) return fail("wait", ended.error());
  std::printf("aborted %u\n", aborted->changed);
  return ended->of(client::JobState::Aborted) == 1 ? 0 : 1;
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
  if (placed->worker == refused || released->released != 1) return 1;
  return submit_a_job(berth);
}
