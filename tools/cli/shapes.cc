#include "tools/cli/shapes.h"

#include <cmath>

namespace berth::cli {
namespace {

double seconds(client::Milliseconds time) {
  return static_cast<double>(time.count()) / 1000.0;
}

// Counts are most of them, and a count has no decimals.
Json number_json(double value) {
  constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53: every whole number below is itself
  const bool whole = std::abs(value) < kExact && std::trunc(value) == value;
  return whole ? Json(static_cast<int64_t>(value)) : Json(value);
}

Json labels_json(const std::vector<client::Label>& labels) {
  Json json = Json::object();
  for (const client::Label& label : labels)
    json[label.key] = label.value;
  return json;
}

Json capacity_json(const client::Capacity& capacity) {
  Json custom = Json::object();
  for (const client::NamedAmount& each : capacity.custom)
    custom[each.name] = each.amount;
  return {
      {"slots", capacity.slots},
      {"cpu_milli", capacity.cpu_milli},
      {"memory_mib", capacity.memory_mib},
      {"disk_mib", capacity.disk_mib},
      {"network_mbit", capacity.network_mbit},
      {"custom", custom},
  };
}

}  // namespace

Json placement_json(const client::Placement& placement, bool explain) {
  Json json = {
      {"worker_id", placement.worker},
      {"address", placement.address},
      {"reservation_id", placement.reservation},
      {"expires_in_s", seconds(placement.expires_in)},
      {"gpus", placement.gpus},
      {"load", placement.load},
      {"repeated", placement.repeated},
  };
  if (explain) json["explanation"] = explanation_json(placement.explanation);
  return json;
}

Json worker_json(const client::Worker& worker) {
  Json gpus = Json::array();
  for (const client::GpuDevice& gpu : worker.gpus) {
    gpus.push_back({{"model", gpu.model}, {"free_milli", gpu.free_milli}});
  }
  return {
      {"id", worker.id},
      {"address", worker.address},
      {"status", client::status_token(worker.status)},
      {"cordoned", worker.cordoned},
      {"draining", worker.draining},
      {"reason", worker.reason},
      {"load", worker.load},
      {"tags", worker.tags},
      {"labels", labels_json(worker.labels)},
      {"capacity", capacity_json(worker.capacity)},
      {"free", capacity_json(worker.free)},
      {"gpus", gpus},
      {"reported_tasks", worker.reported_tasks},
      {"held_slots", worker.held_slots},
      {"usage",
       {{"cpu_milli", worker.usage.cpu_milli},
        {"memory_mib", worker.usage.memory_mib},
        {"gpu_milli", worker.usage.gpu_milli}}},
      {"heartbeat_age_s", seconds(worker.heartbeat_age)},
      {"cooldown_s", seconds(worker.cooldown)},
      {"agent_version", worker.agent_version},
  };
}

Json stats_json(const std::vector<client::Stat>& stats) {
  Json list = Json::array();
  for (const client::Stat& stat : stats) {
    list.push_back(
        {{"name", stat.name},
         {"shard", stat.shard < 0 ? Json(nullptr) : Json(stat.shard)},
         {"value", number_json(stat.value)}});
  }
  return {{"stats", list}};
}

Json tags_json(const std::vector<client::TagCount>& tags) {
  Json list = Json::array();
  for (const client::TagCount& each : tags) {
    list.push_back({{"tag", each.tag}, {"workers", each.workers}});
  }
  return {{"tags", list}};
}

Json event_json(const client::WorkerEvent& event) {
  if (event.gap) return {{"gap", true}};
  return {
      {"gap", false},
      {"sequence", event.sequence},
      {"worker_id", event.worker},
      {"change", client::change_token(event.change)},
      {"reason", event.reason},
      {"server_time_ms", event.server_time_ms},
  };
}

Json error_json(const client::Error& error) {
  Json json = {{"error", client::error_token(error)}, {"message", error.message}};
  if (error.code == client::ErrorCode::CannotBePlaced) {
    json["reason"] = client::no_place_token(error.no_place);
    json["explanation"] = explanation_json(error.explanation);
  }
  return json;
}

std::string to_line(const Json& json) {
  return forms::to_text(json) + "\n";
}

}  // namespace berth::cli
