#include "tests/core/placement/placement_model.h"

#include <algorithm>

#include "core/placement/best_fit.h"
#include "core/placement/fgd.h"
#include "tests/core/placement/naive.h"

namespace berth::core::model {

namespace {

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

bool has(const Strings& strings, const std::string& wanted) {
  return std::find(strings.begin(), strings.end(), wanted) != strings.end();
}

bool has_label(const Worker& worker, const std::string& key, const std::string& value) {
  auto found = worker.labels.find(key);
  return found != worker.labels.end() && found->second == value;
}

double used(const NodeState& node) {
  return node.capacity[kSlots] - node.free[kSlots];
}

}  // namespace

NodeState Model::node(const std::string& id) const {
  const Worker& worker = workers.at(id);
  NodeState node;
  node.capacity = worker.capacity;
  node.free = worker.capacity;
  node.free[kSlots] -= worker.reported;
  node.gpu_count = static_cast<uint16_t>(worker.gpus.size());
  for (size_t i = 0; i < worker.gpus.size(); ++i) {
    node.gpu_model[i] = names_.find(NameKind::GpuModel, worker.gpus[i]);
    node.gpu_free[i] = kWholeGpu;
  }
  node.custom_count = 1;
  node.custom_capacity[0] = {names_.find(NameKind::Resource, "licences"), worker.licences};
  node.custom_free[0] = node.custom_capacity[0];
  for (const auto& [task, hold] : holds) {
    if (hold.worker != id) continue;
    for (size_t r = 0; r < kResourceCount; ++r) {
      if (r != kSlots || !hold.reported) node.free[r] -= hold.request.amounts[r];
    }
    for (size_t i = 0; i < node.gpu_count; ++i) {
      if ((hold.gpus >> i & 1) != 0) node.gpu_free[i] -= hold.request.gpu_milli;
    }
    node.custom_free[0].amount -= hold.request.licences;
  }
  return node;
}

NodeDemand Model::demand(const Request& request) const {
  NodeDemand demand;
  demand.amounts = request.amounts;
  demand.gpu_count = request.gpu_count;
  demand.gpu_milli = request.gpu_milli;
  for (const std::string& model : request.gpu_models) {
    demand.gpu_models.push_back(names_.find(NameKind::GpuModel, model));
  }
  if (request.licences > 0) {
    demand.custom.push_back({names_.find(NameKind::Resource, "licences"), request.licences});
  }
  return demand;
}

bool Model::matches(const std::string& id, const Request& request) const {
  const Worker& worker = workers.at(id);
  if (worker.status == wire::WorkerStatus::Offline || worker.cordoned || worker.draining)
    return false;
  for (const std::string& tag : request.all) {
    if (!has(worker.tags, tag)) return false;
  }
  for (const std::string& tag : request.none) {
    if (has(worker.tags, tag)) return false;
  }
  for (const Strings& group : request.any) {
    auto worker_has = [&](const std::string& tag) {
      return has(worker.tags, tag);
    };
    if (std::none_of(group.begin(), group.end(), worker_has)) return false;
  }
  for (const auto& [key, value] : request.affinity) {
    if (!has_label(worker, key, value)) return false;
  }
  for (const auto& [key, value] : request.anti_affinity) {
    if (has_label(worker, key, value)) return false;
  }
  if (!request.spread_by.empty() && !worker.labels.contains(request.spread_by)) return false;
  if (request.gpu_models.empty()) return true;
  auto allowed = [&](const std::string& model) {
    return has(request.gpu_models, model);
  };
  return std::any_of(worker.gpus.begin(), worker.gpus.end(), allowed);
}

bool Model::fits(const std::string& id, const Request& request) const {
  return matches(id, request) && !has(request.exclude, id) &&
         naive::fits(node(id), demand(request));
}

double Model::score(
    const std::string& id, const Request& request, const TypicalTasks& typical) const {
  NodeState state = node(id);
  switch (request.policy) {
    case wire::Policy::LeastLoaded: return used(state) / state.capacity[kSlots];
    case wire::Policy::Pack: return -used(state) / state.capacity[kSlots];
    case wire::Policy::Spread: return used(state);
    case wire::Policy::BestFit: return best_fit_leftover(state, demand(request));
    case wire::Policy::Fgd: break;
  }
  return fgd_choose(state, demand(request), typical).score;
}

/// The values of the label whose workers are least loaded together, among those with a fit.
Strings Model::best_label_values(const Request& request) const {
  struct Load {
    double used = 0;
    double slots = 0;
    bool fits = false;
  };
  std::map<std::string, Load> loads;
  for (const auto& [id, worker] : workers) {
    if (!matches(id, request)) continue;
    Load& load = loads[worker.labels.at(request.spread_by)];
    load.used += used(node(id));
    load.slots += worker.capacity[kSlots];
    load.fits = load.fits || fits(id, request);
  }
  double lowest = 1e300;
  for (const auto& [value, load] : loads) {
    if (load.fits) lowest = std::min(lowest, load.used / load.slots);
  }
  Strings values;
  for (const auto& [value, load] : loads) {
    if (load.fits && load.used / load.slots <= lowest + 1e-9) values.push_back(value);
  }
  return values;
}

std::string Model::wrong_choice(
    const std::string& id, const Request& request, const TypicalTasks& typical) const {
  if (!workers.contains(id)) return "unknown worker " + id;
  if (!fits(id, request)) return id + " does not fit";
  std::string value;
  if (!request.spread_by.empty()) {
    value = workers.at(id).labels.at(request.spread_by);
    if (!has(best_label_values(request), value)) return id + " is in a fuller " + request.spread_by;
  }
  bool suspicious = workers.at(id).status == wire::WorkerStatus::Suspicious;
  double chosen = score(id, request, typical);
  for (const auto& [other, worker] : workers) {
    if (!fits(other, request)) continue;
    if (!value.empty() && worker.labels.at(request.spread_by) != value) continue;
    bool other_suspicious = worker.status == wire::WorkerStatus::Suspicious;
    if (suspicious && !other_suspicious) return id + " is suspicious, " + other + " is not";
    if (suspicious != other_suspicious) continue;
    double better = score(other, request, typical);
    if (better < chosen - 1e-9) {
      return id + " scores " + std::to_string(chosen) + ", " + other + " " + std::to_string(better);
    }
  }
  return {};
}

void Model::age(Instant now, Duration suspicious_after, Duration offline_after) {
  for (auto& [id, worker] : workers) {
    if (worker.status == wire::WorkerStatus::Offline) continue;
    Duration silent = now - worker.last_beat;
    if (silent >= suspicious_after) worker.status = wire::WorkerStatus::Suspicious;
    if (silent >= offline_after) worker.status = wire::WorkerStatus::Offline;
  }
  std::erase_if(holds, [&](const auto& entry) { return entry.second.expires <= now; });
  std::erase_if(orphans, [&](const auto& entry) { return entry.second.expires <= now; });
}

void Model::forget(const std::string& id) {
  workers.erase(id);
  for (const auto& [task, hold] : holds) {
    if (hold.worker == id) orphans[task] = hold;
  }
  std::erase_if(holds, [&](const auto& entry) { return entry.second.worker == id; });
}

}  // namespace berth::core::model
