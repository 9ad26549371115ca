#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/placement/node.h"
#include "core/placement/typical_tasks.h"
#include "core/tables/names.h"
#include "wire/messages.h"

/// What the tables should hold and placement should answer, kept in plain maps of strings and
/// looked up by brute force.
namespace berth::core::model {

using Strings = std::vector<std::string>;

struct Worker {
  Strings tags;
  std::map<std::string, std::string> labels;
  Amounts capacity{};
  Strings gpus;  ///< models
  int32_t licences = 0;
  int32_t reported = 0;
  Instant last_beat;
  wire::WorkerStatus status = wire::WorkerStatus::Online;
  bool cordoned = false;
  bool draining = false;
};

struct Request {
  std::string task;
  wire::Policy policy = wire::Policy::LeastLoaded;
  Amounts amounts{1, 0, 0, 0, 0};
  uint16_t gpu_count = 0;
  uint16_t gpu_milli = 0;
  Strings gpu_models;
  int32_t licences = 0;
  Strings all;
  std::vector<Strings> any;
  Strings none;
  std::map<std::string, std::string> affinity;
  std::map<std::string, std::string> anti_affinity;
  std::string spread_by;
  Strings exclude;
};

struct Hold {
  std::string worker;
  Request request;
  GpuSet gpus = 0;
  uint64_t reservation = 0;
  Instant expires;
  bool reported = false;  ///< its slots are in the worker's own count
};

class Model {
 public:
  /// The names of the tables, so that scores are of the same numbers.
  explicit Model(const Names& names) : names_(names) {}

  std::map<std::string, Worker> workers;
  std::map<std::string, Hold> holds;  ///< by task
  std::map<std::string, Hold>
      orphans;  ///< of forgotten workers: count for nothing, but can be released

  NodeState node(const std::string& id) const;
  NodeDemand demand(const Request& request) const;

  /// Whether it may be placed on and has the names; capacity aside.
  bool matches(const std::string& id, const Request& request) const;
  bool fits(const std::string& id, const Request& request) const;

  /// Empty when `id` is as good a choice as any; else what is wrong with it.
  std::string wrong_choice(
      const std::string& id, const Request& request, const TypicalTasks& typical) const;

  void age(Instant now, Duration suspicious_after, Duration offline_after);
  void forget(const std::string& id);

 private:
  double score(const std::string& id, const Request& request, const TypicalTasks& typical) const;
  Strings best_label_values(const Request& request) const;

  const Names& names_;
};

}  // namespace berth::core::model
