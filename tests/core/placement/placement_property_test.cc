// The real shards, tables and placement against a brute-force model, over random histories of
// registering, heartbeats, placing, releasing, expiry, cordons, drains and forgetting.

#include <cstdlib>
#include <deque>
#include <set>

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/shard.h"
#include "tests/core/placement/placement_model.h"
#include "tests/core/support/workers.h"

namespace berth::core {
namespace {

using model::Hold;
using model::Model;
using model::Request;
using model::Strings;
using model::Worker;

constexpr Duration kSuspiciousAfter = Duration::milliseconds(3'500);
constexpr Duration kOfflineAfter = Duration::milliseconds(7'500);

Settings settings_for(uint16_t shards) {
  Settings settings = small_settings(shards);
  settings.suspicious_after = kSuspiciousAfter;
  settings.offline_after = kOfflineAfter;
  return settings;
}

/// Owns the views that a wire message is made of.
class Views {
 public:
  wire::TextList list(const Strings& strings) {
    return lists_.emplace_back(std::vector<std::string_view>(strings.begin(), strings.end()));
  }
  std::span<const wire::Label> labels(const std::map<std::string, std::string>& pairs) {
    std::vector<wire::Label>& labels = labels_.emplace_back();
    for (const auto& [key, value] : pairs)
      labels.push_back({key, value});
    return labels;
  }
  std::span<const wire::TextList> groups(const std::vector<Strings>& groups) {
    for (const Strings& group : groups)
      groups_.push_back(list(group));
    return groups_;
  }
  std::span<const wire::NamedAmount> licences(int32_t amount) {
    licences_ = {"licences", amount};
    return {&licences_, 1};
  }

 private:
  std::deque<std::vector<std::string_view>> lists_;
  std::deque<std::vector<wire::Label>> labels_;
  std::vector<wire::TextList> groups_;
  wire::NamedAmount licences_;
};

class History {
 public:
  explicit History(uint64_t seed)
      : rng_(seed),
        shard_count_(static_cast<uint16_t>(1 + seed % 2)),
        tables_(settings_for(shard_count_)),
        model_(tables_.names) {
    for (uint16_t i = 0; i < shard_count_; ++i) {
      shards_.push_back(std::make_unique<Shard>(
          wire::ShardId{i}, tables_, ServerIdentity{"test", "", 1, 1 << 20}));
      typical_.emplace_back();
    }
  }

  void step() {
    switch (rng_.below(16)) {
      case 0: beat(random_id(), true); break;
      case 1:
      case 2:
      case 3: beat(random_id(), false); break;
      case 4: set(random_id()); break;
      case 5:
      case 6:
      case 7: release(); break;
      case 8: advance(); break;
      default: place(); break;
    }
    compare_rows();
  }

 private:
  template <typename Reply>
  Reply ask(size_t shard, const wire::Request& request) {
    effects_.clear();
    std::vector<std::byte> payload(16);
    shards_[shard]->step(now_, {1}, {2}, request, payload, effects_);
    EXPECT_EQ(effects_.messages.size(), 1u);
    const auto* reply = std::get_if<Reply>(&effects_.messages.at(0).message);
    EXPECT_NE(reply, nullptr) << "kind " << effects_.messages[0].message.index();
    return reply == nullptr ? Reply{} : *reply;
  }

  bool chance(uint64_t in) { return rng_.below(in) == 0; }
  std::string pick(const char* prefix, uint64_t kinds) {
    return prefix + std::to_string(rng_.below(kinds));
  }
  std::string random_id() { return pick("w", 14); }
  std::string random_task() { return pick("t", 60); }

  Worker random_profile() {
    Worker worker;
    for (int i = 0; i < 4; ++i) {
      std::string tag = pick("tag", 5);
      if (std::find(worker.tags.begin(), worker.tags.end(), tag) == worker.tags.end()) {
        worker.tags.push_back(tag);
      }
    }
    if (!chance(3)) worker.labels["zone"] = pick("z", 3);
    if (chance(3)) worker.labels["rack"] = pick("r", 2);
    worker.capacity = {
        static_cast<int32_t>(rng_.below(7)),
        static_cast<int32_t>(rng_.below(9) * 1'000),
        static_cast<int32_t>(rng_.below(9) * 1'024),
        static_cast<int32_t>(rng_.below(3) * 100),
        static_cast<int32_t>(rng_.below(3) * 100)};
    uint64_t devices = chance(2) ? 0 : 1 + rng_.below(4);
    bool mixed = chance(4);
    std::string gpu = pick("gpu", 3);
    for (uint64_t i = 0; i < devices; ++i)
      worker.gpus.push_back(mixed ? pick("gpu", 3) : gpu);
    worker.licences = static_cast<int32_t>(rng_.below(4));
    return worker;
  }

  void beat(const std::string& id, bool has_profile) {
    auto known = model_.workers.find(id);
    bool is_new = known == model_.workers.end();
    if (is_new) has_profile = true;
    Worker next = has_profile ? random_profile() : known->second;
    if (!is_new) {
      next.cordoned = known->second.cordoned;
      next.draining = known->second.draining;
    }
    next.reported = static_cast<int32_t>(rng_.below(3));
    next.last_beat = now_.mono;
    next.status = wire::WorkerStatus::Online;
    Views views;
    wire::Heartbeat beat;
    beat.worker = id;
    beat.epoch = 1;
    beat.sequence = ++sequence_;
    beat.has_profile = has_profile;
    beat.address = "10.0.0.1:9000";
    beat.tags = views.list(next.tags);
    beat.labels = views.labels(next.labels);
    beat.capacity.slots = next.capacity[0];
    beat.capacity.cpu_milli = next.capacity[1];
    beat.capacity.memory_mib = next.capacity[2];
    beat.capacity.disk_mib = next.capacity[3];
    beat.capacity.network_mbit = next.capacity[4];
    beat.capacity.gpu_models = views.list(next.gpus);
    beat.capacity.custom = views.licences(next.licences);
    beat.current_tasks = next.reported;
    model_.workers[id] = next;
    Strings running = {"a-task-of-somebody-else"};
    beat.has_running = chance(2);
    if (beat.has_running) {
      for (int i = 0; i < 6; ++i)
        running.push_back(random_task());
      report(id, running);
    }
    beat.running_tasks = views.list(running);
    bool accepted = ask<wire::HeartbeatReply>(home_of(beat), beat).accepted;
    EXPECT_TRUE(accepted);
  }

  void report(const std::string& id, const Strings& running) {
    for (const std::string& task : running) {
      auto hold = model_.holds.find(task);
      if (hold == model_.holds.end() || hold->second.worker != id) continue;
      hold->second.reported = true;
      hold->second.expires = std::max(hold->second.expires, now_.mono + kSuspiciousAfter);
    }
  }

  size_t home_of(const wire::Request& request) const { return shards_[0]->home_of(request).value; }

  void set(const std::string& id) {
    if (!model_.workers.contains(id)) return;
    wire::SetWorker change;
    change.worker = id;
    change.action = static_cast<wire::WorkerAction>(rng_.below(4));
    if (change.action != wire::WorkerAction::Undrain && !chance(3)) return;
    ask<wire::Done>(home_of(change), change);
    Worker& worker = model_.workers[id];
    switch (change.action) {
      case wire::WorkerAction::Cordon: worker.cordoned = true; break;
      case wire::WorkerAction::Drain: worker.draining = true; break;
      case wire::WorkerAction::Undrain: worker.cordoned = worker.draining = false; break;
      case wire::WorkerAction::Forget: model_.forget(id); break;
    }
  }

  void release() {
    std::string task = random_task();
    std::string_view name = task;
    wire::Release release;
    uint64_t reservation = 0;
    auto hold = model_.holds.find(task);
    if (hold != model_.holds.end() && chance(2)) {
      reservation = hold->second.reservation;
      release.reservations = {&reservation, 1};
    } else {
      release.tasks = {&name, 1};
    }
    wire::Released released = ask<wire::Released>(rng_.below(shards_.size()), release);
    bool is_orphan = model_.orphans.erase(task) > 0;
    uint32_t expected = hold == model_.holds.end() && !is_orphan ? 0 : 1;
    EXPECT_EQ(released.released, expected) << task;
    EXPECT_EQ(released.unknown, 1 - expected) << task;
    model_.holds.erase(task);
  }

  void advance() {
    now_.mono = now_.mono + Duration::seconds(1);
    for (auto& shard : shards_) {
      effects_.clear();
      shard->on_tick(now_, effects_);
    }
    model_.age(now_.mono, kSuspiciousAfter, kOfflineAfter);
  }

  Request random_request() {
    Request request;
    request.task = random_task();
    request.policy = static_cast<wire::Policy>(rng_.below(wire::kPolicyCount));
    request.amounts = {
        static_cast<int32_t>(chance(4) ? 2 : 1),
        static_cast<int32_t>(chance(2) ? 0 : rng_.below(4) * 700),
        static_cast<int32_t>(chance(2) ? 0 : rng_.below(4) * 700),
        chance(6) ? 60 : 0,
        chance(6) ? 60 : 0};
    if (chance(3)) {
      constexpr uint16_t kMilli[] = {150, 300, 470, 1000};
      request.gpu_milli = kMilli[rng_.below(4)];
      request.gpu_count = static_cast<uint16_t>(request.gpu_milli < 1000 ? 1 : 1 + rng_.below(3));
      if (chance(3)) request.gpu_models = {pick("gpu", 4)};
      if (chance(6)) request.gpu_models = {pick("gpu", 4), pick("gpu", 4)};
    }
    if (chance(8)) request.licences = static_cast<int32_t>(1 + rng_.below(2));
    if (chance(4)) request.all.push_back(pick("tag", 6));
    if (chance(8)) request.all.push_back(pick("tag", 5));
    if (chance(8)) request.none.push_back(pick("tag", 6));
    if (chance(8)) request.any.push_back({pick("tag", 6), pick("tag", 6)});
    if (chance(8)) request.affinity["zone"] = pick("z", 4);
    if (chance(8)) request.anti_affinity["zone"] = pick("z", 4);
    if (chance(6)) request.spread_by = chance(3) ? "rack" : "zone";
    if (chance(10)) request.exclude = {random_id(), random_id()};
    return request;
  }

  void place() {
    Request request = random_request();
    Views views;
    wire::Place place;
    place.task = request.task;
    place.policy = request.policy;
    place.demand.slots = request.amounts[0];
    place.demand.cpu_milli = request.amounts[1];
    place.demand.memory_mib = request.amounts[2];
    place.demand.disk_mib = request.amounts[3];
    place.demand.network_mbit = request.amounts[4];
    place.demand.gpu_count = request.gpu_count;
    place.demand.gpu_milli = request.gpu_milli;
    place.demand.gpu_models = views.list(request.gpu_models);
    if (request.licences > 0) place.demand.custom = views.licences(request.licences);
    place.requirements.all_tags = views.list(request.all);
    place.requirements.any_tags = views.groups(request.any);
    place.requirements.none_tags = views.list(request.none);
    place.requirements.affinity = views.labels(request.affinity);
    place.requirements.anti_affinity = views.labels(request.anti_affinity);
    place.requirements.spread_by = request.spread_by;
    place.requirements.exclude_workers = views.list(request.exclude);
    place.hold_ms = static_cast<uint32_t>(1'500 + 1'000 * rng_.below(8));
    size_t shard = rng_.below(shards_.size());

    model_.orphans.erase(request.task);
    bool repeated = model_.holds.contains(request.task);
    if (!repeated && (request.policy == wire::Policy::Fgd || request.gpu_count > 0)) {
      typical_[shard].learn(model_.demand(request));
    }
    effects_.clear();
    std::vector<std::byte> payload(16);
    shards_[shard]->step(now_, {1}, {2}, place, payload, effects_);
    const wire::Reply& reply = effects_.messages.at(0).message;
    if (const auto* placed = std::get_if<wire::Placed>(&reply)) {
      check_placed(request, *placed, place.hold_ms, typical_[shard]);
    } else if (const auto* unplaced = std::get_if<wire::Unplaced>(&reply)) {
      check_unplaced(request, *unplaced);
    } else {
      ADD_FAILURE() << std::get<wire::Refused>(reply).message << " " << describe(request);
    }
  }

  void check_placed(
      const Request& request,
      const wire::Placed& placed,
      uint32_t hold_ms,
      const TypicalTasks& typical) {
    GpuSet gpus = 0;
    for (uint16_t device : placed.gpus)
      gpus = static_cast<GpuSet>(gpus | 1u << device);
    auto known = model_.holds.find(request.task);
    if (known != model_.holds.end()) {
      EXPECT_TRUE(placed.repeated);
      EXPECT_EQ(placed.reservation.value, known->second.reservation);
      EXPECT_EQ(placed.worker, known->second.worker);
      EXPECT_EQ(gpus, known->second.gpus);
      return;
    }
    EXPECT_FALSE(placed.repeated);
    std::string worker(placed.worker);
    ASSERT_EQ(model_.wrong_choice(worker, request, typical), "") << describe(request);
    ASSERT_EQ(placed.gpus.size(), request.gpu_count);
    NodeState node = model_.node(worker);
    NodeDemand demand = model_.demand(request);
    for (uint16_t device : placed.gpus) {
      ASSERT_LT(device, node.gpu_count);
      ASSERT_GE(node.gpu_free[device], request.gpu_milli) << "a device over its capacity";
      ASSERT_TRUE(allows_model(demand, node.gpu_model[device]));
    }
    Instant expires = now_.mono + Duration::milliseconds(hold_ms);
    model_.holds[request.task] = {worker, request, gpus, placed.reservation.value, expires, false};
  }

  void check_unplaced(const Request& request, const wire::Unplaced& unplaced) {
    for (const auto& [id, worker] : model_.workers) {
      EXPECT_FALSE(model_.fits(id, request)) << id << " fits " << describe(request);
    }
    const wire::Explanation& why = unplaced.explanation;
    uint32_t eliminated = 0;
    std::set<std::string_view> requirements;
    for (const wire::Elimination& out : why.eliminated) {
      eliminated += out.workers;
      requirements.insert(out.requirement);
    }
    EXPECT_EQ(why.workers, model_.workers.size());
    EXPECT_EQ(why.eligible, 0u);
    EXPECT_EQ(eliminated, why.workers) << "each worker is counted once";
    EXPECT_EQ(
        unplaced.reason, why.workers == 0 ? wire::NoPlace::NoWorkers : wire::NoPlace::Eliminated);
  }

  static std::string describe(const Request& request) {
    std::string text = request.task + " policy " + std::to_string(static_cast<int>(request.policy));
    text += " slots " + std::to_string(request.amounts[0]);
    text += " gpus " + std::to_string(request.gpu_count) + "x" + std::to_string(request.gpu_milli);
    if (!request.spread_by.empty()) text += " spread by " + request.spread_by;
    for (const std::string& model : request.gpu_models)
      text += " model " + model;
    for (const std::string& worker : request.exclude)
      text += " not on " + worker;
    return text;
  }

  /// Every row as the tables show it is as the model has it.
  void compare_rows() {
    wire::WorkerPage page = ask<wire::WorkerPage>(0, wire::ListWorkers{});
    ASSERT_EQ(page.rows.size(), model_.workers.size());
    for (const wire::WorkerRow& row : page.rows) {
      std::string id(row.id);
      ASSERT_TRUE(model_.workers.contains(id)) << id;
      const Worker& worker = model_.workers[id];
      NodeState node = model_.node(id);
      Amounts free = {
          static_cast<int32_t>(row.free.slots),
          static_cast<int32_t>(row.free.cpu_milli),
          static_cast<int32_t>(row.free.memory_mib),
          static_cast<int32_t>(row.free.disk_mib),
          static_cast<int32_t>(row.free.network_mbit)};
      ASSERT_EQ(free, node.free) << id;
      ASSERT_EQ(row.status, worker.status) << id;
      ASSERT_EQ(row.cordoned, worker.cordoned) << id;
      ASSERT_EQ(row.draining, worker.draining) << id;
      ASSERT_EQ(row.gpus.size(), worker.gpus.size()) << id;
      for (size_t i = 0; i < row.gpus.size(); ++i) {
        ASSERT_EQ(row.gpus[i].model, worker.gpus[i]) << id;
        ASSERT_EQ(row.gpus[i].free_milli, node.gpu_free[i]) << id << " device " << i;
      }
      ASSERT_EQ(row.free.custom.size(), 1u) << id;
      ASSERT_EQ(row.free.custom[0].amount, node.custom_free[0].amount) << id;
    }
  }

  Rng rng_;
  uint16_t shard_count_;
  Tables tables_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<TypicalTasks> typical_;  ///< as each shard has learnt them
  Model model_;
  Effects effects_;
  Now now_{Instant{} + Duration::seconds(1'000), 0};
  uint64_t sequence_ = 0;
};

// To replay one: BERTH_SEED=n core_placement_test
TEST(PlacementProperty, AgreesWithTheModelOverRandomHistories) {
  const char* chosen = std::getenv("BERTH_SEED");
  uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  uint64_t last = chosen != nullptr ? first : 40;
  for (uint64_t seed = first; seed <= last; ++seed) {
    History history(seed);
    for (int i = 0; i < 600; ++i) {
      history.step();
      ASSERT_FALSE(HasFailure()) << "at step " << i << "; replay with BERTH_SEED=" << seed;
    }
  }
}

}  // namespace
}  // namespace berth::core
