#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire/messages.h"

namespace berth::agent {

struct NamedText {
  std::string key;
  std::string value;
  friend bool operator==(const NamedText&, const NamedText&) = default;
};

struct NamedCount {
  std::string name;
  int64_t amount = 0;
  friend bool operator==(const NamedCount&, const NamedCount&) = default;
};

/// What a worker advertises: the part of a heartbeat that seldom changes, as a value.
///
/// Units    as the fields of wire::Capacity
/// Memory   owns its text; a beat made from it points into it
struct Profile {
  std::string address;
  std::vector<std::string> tags;  ///< ascending, each once
  std::vector<NamedText> labels;
  int64_t slots = 0;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t disk_mib = 0;
  int64_t network_mbit = 0;
  std::vector<std::string> gpu_models;  ///< one for each device, in device order
  std::vector<NamedCount> custom;
  std::string software;

  friend bool operator==(const Profile&, const Profile&) = default;
};

/// What a worker says about now: the part of a heartbeat that changes with every beat.
struct Vitals {
  int64_t current_tasks = 0;
  bool has_running = false;  ///< `running_tasks` is known, and complete
  std::vector<std::string> running_tasks;
  wire::Usage usage;
};

/// Which life of which worker, shared by the sessions with all servers.
struct Life {
  std::string worker;
  uint64_t epoch = 0;
  uint64_t sequence = 0;  ///< of the last beat sent to any server
  uint64_t nonce = 0;     ///< of this id in this state directory; tells two workers of one id apart
};

}  // namespace berth::agent
