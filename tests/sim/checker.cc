#include "tests/sim/checker.h"

#include <algorithm>

#include "core/settings.h"
#include "wire/tokens.h"

namespace berth::sim {

namespace {

const wire::Reply* reply_to(
    const core::Effects& effects, wire::ConnectionId to, wire::RequestId request) {
  for (const core::Outgoing& message : effects.messages) {
    if (message.to == to && message.request == request) return &message.message;
  }
  return nullptr;
}

std::string text(int64_t number) {
  return std::to_string(number);
}

}  // namespace

void Checker::on_step(
    Server& server,
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Request& request,
    const core::Effects& effects) {
  if (effects.to_ledger) return;  // see JobChecker
  const wire::Reply* reply = reply_to(effects, from, id);
  const auto* place = std::get_if<wire::Place>(&request);
  if (reply == nullptr && (place == nullptr || place->wait_ms == 0)) {
    return fail(server, "left request " + text(id.value) + " without an answer");
  }
  if (effects.messages.size() > 1) return fail(server, "answered a request more than once");
  if (const auto* beat = std::get_if<wire::Heartbeat>(&request)) {
    on_beat(server, *beat, std::get<wire::HeartbeatReply>(*reply));
  }
  if (place != nullptr) on_place(server, from, id, *place, reply);
  if (const auto* release = std::get_if<wire::Release>(&request)) {
    on_release(server, *release, std::get<wire::Released>(*reply));
  }
  const auto* set = std::get_if<wire::SetWorker>(&request);
  if (set != nullptr && std::holds_alternative<wire::Done>(*reply)) on_set_worker(server, *set);
}

void Checker::on_place(
    Server& server,
    wire::ConnectionId from,
    wire::RequestId id,
    const wire::Place& place,
    const wire::Reply* reply) {
  const wire::Demand& demand = place.demand;
  Asked asked{
      std::string(place.task),
      {demand.slots,
       demand.cpu_milli,
       demand.memory_mib,
       demand.gpu_count,
       demand.gpu_milli,
       place.hold_ms > 0 ? Duration::milliseconds(place.hold_ms) : core::Settings{}.hold_default,
       {place.requirements.all_tags.begin(), place.requirements.all_tags.end()}}};
  const auto* placed = reply == nullptr ? nullptr : std::get_if<wire::Placed>(reply);
  // What looks ahead waits for its batch even where there is room.
  const bool looks_ahead = place.policy == wire::Policy::Fgd && place.wait_ms > 0;
  if (reply != nullptr || !looks_ahead) check_none_better(server, asked, placed);
  if (reply == nullptr) models_[&server].waiting[{from, id.value}] = asked;
  if (placed != nullptr) on_placed(server, asked, *placed);
}

void Checker::check_none_better(Server& server, const Asked& asked, const wire::Placed* placed) {
  if (placed != nullptr) {
    if (placed->repeated) return;
    std::optional<RowView> row = server.show(placed->worker);
    if (!row || row->status != wire::WorkerStatus::Suspicious) return;
  }
  for (const auto& [id, worker] : models_[&server].workers) {
    if (!has_room(server, id, asked.demand, /*suspicious=*/placed == nullptr)) continue;
    return fail(
        server,
        asked.task +
            (placed == nullptr ? " was given no place" : " was given a suspicious worker") +
            " while " + id + " has room");
  }
}

bool Checker::has_room(
    Server& server, const std::string& id, const Demand& demand, bool suspicious) {
  std::optional<RowView> row = server.show(id);
  const Worker& worker = models_[&server].workers[id];
  if (!row || worker.closed) return false;
  if (row->status == wire::WorkerStatus::Offline) return false;
  if (row->status == wire::WorkerStatus::Suspicious && !suspicious) return false;
  for (const std::string& tag : demand.tags) {
    if (std::ranges::find(worker.tags, tag) == worker.tags.end()) return false;
  }
  int64_t devices = std::count_if(row->gpus_free.begin(), row->gpus_free.end(), [&](uint16_t free) {
    return free >= demand.gpu_milli;
  });
  return row->free.slots >= demand.slots && row->free.cpu_milli >= demand.cpu_milli &&
         row->free.memory_mib >= demand.memory_mib && devices >= demand.gpu_count;
}

void Checker::on_ledger(Server& server, const core::Effects& effects) {
  Model& model = models_[&server];
  for (const core::Outgoing& message : effects.messages) {
    auto found = model.waiting.find({message.to, message.request.value});
    if (found == model.waiting.end()) {
      return fail(server, "the ledger answered what did not wait, or answered it twice");
    }
    Asked asked = found->second;
    model.waiting.erase(found);
    if (const auto* placed = std::get_if<wire::Placed>(&message.message)) {
      on_placed(server, asked, *placed);
    }
  }
}

void Checker::on_beat(
    Server& server, const wire::Heartbeat& beat, const wire::HeartbeatReply& reply) {
  Model& model = models_[&server];
  std::string id(beat.worker);
  auto known = model.workers.find(id);
  if (!reply.accepted) {
    bool older = known != model.workers.end() && beat.epoch < known->second.epoch;
    if (reply.code == wire::Refusal::Conflict && !older) {
      fail(server, "refused the newest life of " + id);
    }
    if (reply.code == wire::Refusal::NotFound &&
        (known != model.workers.end() || !reply.resend_profile)) {
      fail(server, "does not know " + id + ", or does not ask for its profile");
    }
    return;
  }
  if (known == model.workers.end() && !beat.has_profile) {
    return fail(server, "registered " + id + " without its profile");
  }
  Worker& worker = model.workers[id];
  if (beat.epoch < worker.epoch) return fail(server, "accepted an earlier life of " + id);
  worker.epoch = beat.epoch;
  worker.last_beat = world_.now();
  worker.left = beat.leaving;
  worker.reported = beat.current_tasks;
  if (beat.has_profile) {
    worker.gpus = beat.capacity.gpu_models.size();
    worker.tags.assign(beat.tags.begin(), beat.tags.end());
    worker.capacity = beat.capacity;
    worker.capacity.gpu_models = {};
    worker.capacity.custom = {};
  }
  for (wire::Text task : beat.running_tasks) {
    auto held = model.held.find(std::string(task));
    if (held == model.held.end() || held->second.worker != id) continue;
    if (held->second.expires <= world_.now()) continue;  // the server may have swept it
    held->second.reported = true;
    held->second.expires =
        std::max(held->second.expires, world_.now() + core::Settings{}.suspicious_after);
  }
  check_status(server, id, worker);
}

void Checker::on_placed(Server& server, const Asked& asked, const wire::Placed& placed) {
  if (placed.repeated) return on_repeated(server, asked, placed);
  Model& model = models_[&server];
  std::string worker(placed.worker);
  auto held = model.held.find(asked.task);
  if (held != model.held.end() && held->second.expires > world_.now()) {
    return fail(
        server,
        asked.task + " has a place on " + held->second.worker + " and got another on " + worker);
  }
  std::optional<RowView> row = server.show(worker);
  if (!row.has_value())
    return fail(server, asked.task + " was placed on " + worker + ", which is not registered");
  if (model.workers[worker].closed || row->status == wire::WorkerStatus::Offline) {
    return fail(
        server,
        asked.task + " was placed on " + worker + ", which is cordoned, draining or offline");
  }
  if (placed.expires_in_ms != asked.demand.hold.ms()) {
    return fail(
        server,
        asked.task + " is held for " + text(placed.expires_in_ms) + " ms, not for " +
            text(asked.demand.hold.ms()));
  }
  Held& taken = model.held[asked.task];
  taken = Held{
      placed.reservation.value,
      worker,
      asked.demand,
      {placed.gpus.begin(), placed.gpus.end()},
      world_.now() + asked.demand.hold};
  check_capacity(server, taken);
}

void Checker::on_repeated(Server& server, const Asked& asked, const wire::Placed& placed) {
  Model& model = models_[&server];
  auto held = model.held.find(asked.task);
  bool same = held != model.held.end() && held->second.reservation == placed.reservation.value &&
              held->second.worker == placed.worker;
  if (!same) fail(server, asked.task + " was told a place again that it does not have");
}

void Checker::on_release(
    Server& server, const wire::Release& release, const wire::Released& reply) {
  Model& model = models_[&server];
  size_t asked = release.reservations.size() + release.tasks.size();
  if (reply.released + reply.unknown != asked) {
    fail(
        server,
        "answered for " + text(reply.released + reply.unknown) + " of " +
            text(static_cast<int64_t>(asked)) + " releases");
  }
  uint32_t due = 0;
  auto take = [&](auto held) {
    if (held == model.held.end()) return;
    due += held->second.expires > world_.now();
    model.held.erase(held);
  };
  for (uint64_t id : release.reservations) {
    take(std::find_if(model.held.begin(), model.held.end(), [id](const auto& held) {
      return held.second.reservation == id;
    }));
  }
  for (wire::Text task : release.tasks)
    take(model.held.find(std::string(task)));
  if (reply.released < due) {
    fail(server, "released " + text(reply.released) + " of " + text(due) + " live reservations");
  }
}

void Checker::on_set_worker(Server& server, const wire::SetWorker& set) {
  Model& model = models_[&server];
  std::string worker(set.worker);
  if (set.action != wire::WorkerAction::Forget) {
    model.workers[worker].closed = set.action != wire::WorkerAction::Undrain;
    return;
  }
  model.workers.erase(worker);
  std::erase_if(model.held, [&](const auto& held) { return held.second.worker == worker; });
  if (server.show(worker)) fail(server, "forgot " + worker + " and still shows it");
}

void Checker::check_capacity(Server& server, const Held& placed) {
  Model& model = models_[&server];
  const std::string& id = placed.worker;
  const Worker& worker = model.workers[id];
  int64_t slots = worker.reported, cpu = 0, memory = 0;
  std::vector<int64_t> gpus(worker.gpus, 0);
  for (const auto& [task, held] : model.held) {
    if (held.worker != id || held.expires <= world_.now()) continue;
    slots += held.reported ? 0 : held.demand.slots;
    cpu += held.demand.cpu_milli;
    memory += held.demand.memory_mib;
    for (uint16_t gpu : held.gpus) {
      // The worker may have shown fewer devices since.
      if (gpu < gpus.size()) gpus[gpu] += held.demand.gpu_milli;
    }
  }
  for (uint16_t gpu : placed.gpus) {
    bool over = gpu >= gpus.size() || gpus[gpu] > 1000;
    if (over) fail(server, "device " + text(gpu) + " of " + id + " is not there, or over capacity");
  }
  auto check = [&](const char* what, int64_t taken, int64_t used, int64_t capacity) {
    if (taken == 0 || used <= capacity) return;
    fail(
        server,
        std::string(what) + " of " + id + " are over capacity: " + text(used) + " of " +
            text(capacity));
  };
  check("slots", placed.demand.slots, slots, worker.capacity.slots);
  check("milli cores", placed.demand.cpu_milli, cpu, worker.capacity.cpu_milli);
  check("MiB", placed.demand.memory_mib, memory, worker.capacity.memory_mib);
}

void Checker::on_tick(Server& server, wire::ShardId shard) {
  for (const auto& [id, worker] : models_[&server].workers) {
    if (server.home_of(id) == shard) check_status(server, id, worker);
  }
}

/// Right after its shard has ticked or it has beaten, a worker's status says its age exactly.
void Checker::check_status(Server& server, const std::string& id, const Worker& worker) {
  std::optional<RowView> row = server.show(id);
  if (!row.has_value()) return fail(server, "lost " + id);
  const core::Settings settings;
  Duration age = world_.now() - worker.last_beat;
  wire::WorkerStatus due = wire::WorkerStatus::Online;
  if (age > settings.suspicious_after) due = wire::WorkerStatus::Suspicious;
  if (age > settings.offline_after || worker.left) due = wire::WorkerStatus::Offline;
  bool at_threshold = age == settings.suspicious_after || age == settings.offline_after;
  bool closed = row->cordoned || row->draining;
  if (closed != worker.closed) fail(server, id + " forgot or invented a cordon or drain");
  if (row->status == due || at_threshold) return;
  fail(
      server,
      id + " is " + std::string(wire::worker_status_token(row->status)) + " " + text(age.ms()) +
          " ms after its last heartbeat");
}

void Checker::check_all_free(Server& server) {
  Model& model = models_[&server];
  if (!model.waiting.empty() && server.tables().waiting > 0) fail(server, "requests still wait");
  for (const auto& [id, worker] : model.workers) {
    std::optional<RowView> row = server.show(id);
    if (!row.has_value()) return fail(server, "lost " + id);
    bool free = row->held_slots == 0 && row->free.slots == row->capacity.slots - worker.reported &&
                row->free.cpu_milli == row->capacity.cpu_milli &&
                row->free.memory_mib == row->capacity.memory_mib;
    for (uint16_t gpu : row->gpus_free)
      free &= gpu == 1000;
    if (!free) {
      fail(
          server,
          id + " has lost capacity: " + text(row->free.slots) + " of " + text(row->capacity.slots) +
              " slots free, " + text(row->held_slots) + " held, " + text(worker.reported) +
              " reported, cpu " + text(row->free.cpu_milli) + " of " +
              text(row->capacity.cpu_milli) + ", memory " + text(row->free.memory_mib) + " of " +
              text(row->capacity.memory_mib));
    }
  }
}

void Checker::check_online(Server& server, const std::string& worker) {
  std::optional<RowView> row = server.show(worker);
  if (!row.has_value()) return fail(server, worker + " runs and is not registered");
  if (row->status != wire::WorkerStatus::Online) {
    fail(server, worker + " runs and is " + std::string(wire::worker_status_token(row->status)));
  }
}

}  // namespace berth::sim
