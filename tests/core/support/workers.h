#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tables/partition.h"
#include "core/tables/tables.h"
#include "wire/messages.h"

namespace berth::core {

/// A worker as a test describes it; `beat()` is the heartbeat it would send, valid until it
/// changes.
struct TestWorker {
  std::string id;
  std::vector<std::string> tags = {};
  std::vector<std::pair<std::string, std::string>> labels = {};
  int64_t slots = 4;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  std::vector<std::string> gpus = {};
  std::string address = "10.0.0.1:9000";
  uint64_t epoch = 1;
  uint64_t sequence = 0;
  int64_t current_tasks = 0;

  wire::Heartbeat beat() {
    tag_views.assign(tags.begin(), tags.end());
    gpu_views.assign(gpus.begin(), gpus.end());
    label_views.clear();
    for (const auto& [key, value] : labels)
      label_views.push_back({key, value});
    wire::Heartbeat beat;
    beat.worker = id;
    beat.epoch = epoch;
    beat.sequence = ++sequence;
    beat.has_profile = true;
    beat.address = address;
    beat.tags = tag_views;
    beat.labels = label_views;
    beat.capacity.slots = slots;
    beat.capacity.cpu_milli = cpu_milli;
    beat.capacity.memory_mib = memory_mib;
    beat.capacity.gpu_models = gpu_views;
    beat.agent_version = "test";
    beat.current_tasks = current_tasks;
    return beat;
  }

  // What a beat points into.
  std::vector<std::string_view> tag_views = {};
  std::vector<std::string_view> gpu_views = {};
  std::vector<wire::Label> label_views = {};
};

inline Settings small_settings(uint16_t shards = 1) {
  Settings settings;
  settings.shards = shards;
  settings.workers_max = 20'000;
  settings.names_max = 1'000;
  settings.reservations_max = 10'000;
  return settings;
}

}  // namespace berth::core
