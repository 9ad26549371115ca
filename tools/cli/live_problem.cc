#include "tools/cli/live_problem.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "core/placement/node.h"

namespace berth::cli {

namespace {

using client::Capacity;
using client::Demand;
using client::JobDetails;
using client::JobSpec;
using client::Worker;
using core::Amount;
using core::Problem;
using core::Ticks;

constexpr Ticks kTicksPerMilli = core::kTicksPerSecond / 1'000;
constexpr const char* kCannotRun = "which cannot run";
constexpr int kPriorityScale = 8;  // beyond it a priority weighs no more

// The resources that every worker has; those of one's own follow.
enum Fixed : size_t { kSlots, kCpu, kMemory, kDisk, kNetwork, kGpu, kFixed };

bool has(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

bool has_label(const Worker& worker, const client::Label& label) {
  return std::any_of(worker.labels.begin(), worker.labels.end(), [&](const client::Label& one) {
    return one.key == label.key && one.value == label.value;
  });
}

/// A device counts where the job allows its model.
int64_t allowed_devices(const Worker& worker, const Demand& demand) {
  return std::count_if(worker.gpus.begin(), worker.gpus.end(), [&](const auto& device) {
    return allows(demand, device.model);
  });
}

bool takes_tasks(const Worker& worker) {
  return worker.status != client::WorkerStatus::Offline && !worker.cordoned && !worker.draining;
}

class Builder {
 public:
  Builder(const LiveView& view, const LiveOptions& options)
      : view_(view), options_(options), workers_(view.workers) {
    out_.problem.resources = {"slots", "cpu", "memory", "disk", "network", "gpu"};
  }

  LiveProblem build(const Supposed& supposed) {
    for (const AddedWorkers& added : supposed.added)
      add_copies(added);
    name_resources(supposed);
    add_workers(supposed);
    for (const JobDetails& job : view_.running)
      add_running(job);
    for (const client::JobId job : view_.failed)
      waits_[job].stuck = "which did not complete";
    for (const JobDetails& job : view_.pending)
      add_task(std::to_string(job.job.id), job.spec, &job);
    for (const JobSpec& job : supposed.jobs)
      add_supposed(job);
    const auto urgent = [](const Problem::Task& task) {
      return task.deadline < core::kNever;
    };
    const bool any_urgent =
        std::any_of(out_.problem.tasks.begin(), out_.problem.tasks.end(), urgent);
    out_.problem.goal = any_urgent ? core::Goal::WeightedTardiness : core::Goal::BoundedSlowdown;
    sort_by_turn();
    number_kinds();
    return std::move(out_);
  }

 private:
  void add_copies(const AddedWorkers& added) {
    const auto like = std::find_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
      return worker.id == added.like;
    });
    if (like == workers_.end()) return;
    Worker copy = *like;
    copy.free = copy.capacity;
    for (client::GpuDevice& device : copy.gpus)
      device.free_milli = core::kWholeGpu;
    copy.status = client::WorkerStatus::Online;
    copy.cordoned = copy.draining = false;
    for (uint32_t i = 1; i <= added.count; ++i) {
      copy.id = added.like + "+" + std::to_string(i);
      workers_.push_back(copy);
    }
  }

  void name_resources(const Supposed& supposed) {
    const auto note = [this](const std::vector<client::NamedAmount>& custom) {
      for (const client::NamedAmount& one : custom) {
        const auto number = out_.problem.resources.size();
        if (custom_.try_emplace(one.name, number).second) {
          out_.problem.resources.push_back(one.name);
        }
      }
    };
    for (const Worker& worker : workers_)
      note(worker.capacity.custom);
    for (const JobDetails& job : view_.pending)
      note(job.spec.demand.custom);
    for (const JobDetails& job : view_.running)
      note(job.spec.demand.custom);
    for (const JobSpec& job : supposed.jobs)
      note(job.demand.custom);
  }

  template <typename Amounts>
  std::vector<Amount> amounts(const Amounts& from, int64_t gpu_milli) const {
    std::vector<Amount> to(out_.problem.resources.size());
    to[kSlots] = from.slots * core::kAmountUnit;
    to[kCpu] = from.cpu_milli * (core::kAmountUnit / 1'000);
    to[kMemory] = from.memory_mib * core::kAmountUnit;
    to[kDisk] = from.disk_mib * core::kAmountUnit;
    to[kNetwork] = from.network_mbit * core::kAmountUnit;
    to[kGpu] = gpu_milli * (core::kAmountUnit / 1'000);
    for (const client::NamedAmount& one : from.custom)
      to[custom_.at(one.name)] = one.amount * core::kAmountUnit;
    return to;
  }

  std::vector<Amount> amounts(const Demand& demand) const {
    return amounts(demand, demand.gpu_count * demand.gpu_milli);
  }

  /// What is free, and what the jobs have that run there: the rest is held by somebody else.
  void add_workers(const Supposed& supposed) {
    for (const Worker& worker : workers_) {
      int64_t gpu_milli = 0;
      for (const client::GpuDevice& device : worker.gpus)
        gpu_milli += device.free_milli;
      std::vector<Amount> capacity = amounts(worker.free, gpu_milli);
      for (Amount& amount : capacity)
        amount = std::max<Amount>(0, amount);
      index_.emplace(worker.id, static_cast<uint32_t>(out_.problem.workers.size()));
      out_.problem.workers.push_back({worker.id, std::move(capacity)});
      out_.devices.emplace_back();
      for (const client::GpuDevice& device : worker.gpus)
        out_.devices.back().push_back({device.model, device.free_milli});
      open_.push_back(takes_tasks(worker) && !has(supposed.drained, worker.id));
    }
  }

  Ticks length(const JobSpec& job, bool& assumed) const {
    assumed = job.estimated.count() == 0;
    const auto length = assumed ? options_.assumed : job.estimated;
    return std::max<Ticks>(1, length.count()) * kTicksPerMilli;
  }

  void add_running(const JobDetails& job) {
    const auto worker = index_.find(job.job.worker);
    if (worker == index_.end()) return;
    Problem::Busy busy;
    busy.worker = worker->second;
    busy.demand = amounts(job.spec.demand);
    std::vector<Amount>& capacity = out_.problem.workers[busy.worker].capacity;
    for (size_t r = 0; r < capacity.size(); ++r)
      capacity[r] += busy.demand[r];
    bool assumed = false;
    const int64_t since = job.job.started_at_ms > 0 ? job.job.started_at_ms : view_.now_ms;
    const Ticks so_far = std::max<int64_t>(0, view_.now_ms - since) * kTicksPerMilli;
    // One that outlives its estimate ends any moment, for all that is known.
    busy.until = std::max(core::kTicksPerSecond, length(job.spec, assumed) - so_far);
    for (const client::JobId id : ids_of(job)) {
      Ticks& end = waits_[id].end;
      end = std::max(end, busy.until);
    }
    out_.problem.busy.push_back(std::move(busy));
    out_.held.push_back(give_back(job, out_.devices[worker->second]));
  }

  /// What a running job has of which devices. A server that does not say has given it some: those
  /// of which so much is taken.
  static LiveProblem::Held give_back(
      const JobDetails& job, std::vector<LiveProblem::Device>& devices) {
    const auto milli = static_cast<uint16_t>(job.spec.demand.gpu_milli);
    LiveProblem::Held held{0, milli};
    const auto add = [&](size_t i) {
      devices[i].milli = static_cast<uint16_t>(devices[i].milli + milli);
      held.gpus = static_cast<core::GpuSet>(held.gpus | 1u << i);
    };
    const std::vector<uint16_t> told =
        job.attempts.empty() ? std::vector<uint16_t>() : job.attempts.back().gpus;
    for (const uint16_t i : told) {
      if (i < devices.size()) add(i);
    }
    int64_t missing = told.empty() ? job.spec.demand.gpu_count : 0;
    for (size_t i = 0; i < devices.size() && missing > 0; ++i) {
      if (devices[i].milli + milli > core::kWholeGpu) continue;
      add(i);
      --missing;
    }
    return held;
  }

  /// What others may wait for: a job, or all of an array.
  struct Awaited {
    std::string stuck;            ///< not empty: why it will never complete
    Ticks end = 0;                ///< of what of it runs
    std::vector<uint32_t> tasks;  ///< of what of it is pending
  };

  /// By which a job is waited for: its own, and that of its array, which is its first element's.
  static std::vector<client::JobId> ids_of(const JobDetails& job) {
    if (!job.job.is_array || !job.spec.array) return {job.job.id};
    const client::JobId first = job.job.id - (job.job.array_index - job.spec.array->first);
    if (first == job.job.id) return {first};
    return {job.job.id, first};
  }

  void add_supposed(const JobSpec& spec) {
    Awaited all;
    for (uint64_t i = 0; i < elements_of(spec); ++i) {
      const std::string id = "new-" + std::to_string(++news_);
      const size_t tasks = out_.problem.tasks.size();
      add_task(id, spec, nullptr);
      if (out_.problem.tasks.size() > tasks) {
        all.tasks.push_back(static_cast<uint32_t>(tasks));
      } else {
        all.stuck = kCannotRun;
      }
    }
    items_.push_back({"new-" + std::to_string(news_), std::move(all)});
  }

  void add_task(const std::string& id, const JobSpec& spec, const JobDetails* job) {
    Problem::Task task;
    task.id = id;
    task.demand = amounts(spec.demand);
    bool assumed = false;
    task.duration = length(spec, assumed);
    std::vector<uint32_t> allowed;
    for (uint32_t w = 0; w < workers_.size(); ++w) {
      if (open_[w] == 0 || !suits(workers_[w], spec)) continue;
      if (fits(task, w) && has_devices(spec.demand, w)) allowed.push_back(w);
    }
    task.workers = lists_.try_emplace(allowed, allowed).first->second;
    if (task.workers.empty()) {
      return leave_out(id, job, "no worker that takes jobs could ever run it");
    }
    if (const std::string stuck = set_times(spec, task); !stuck.empty()) {
      return leave_out(id, job, "it waits for job " + stuck);
    }
    if (job != nullptr) {
      task.waited = std::max<int64_t>(0, view_.now_ms - job->job.submitted_at_ms) * kTicksPerMilli;
      for (const client::JobId one : ids_of(*job))
        waits_[one].tasks.push_back(static_cast<uint32_t>(out_.problem.tasks.size()));
    }
    task.weight = std::exp2(std::clamp(spec.priority, -kPriorityScale, kPriorityScale));
    out_.assumed += assumed ? 1 : 0;
    out_.names.push_back(spec.name);
    out_.demands.push_back(spec.demand);
    out_.places.push_back(place_of(spec, task));
    out_.problem.tasks.push_back(std::move(task));
  }

  void leave_out(const std::string& id, const JobDetails* job, const std::string& why) {
    out_.left_out.push_back({id, why});
    if (job == nullptr) return;
    for (const client::JobId one : ids_of(*job))
      waits_[one].stuck = kCannotRun;
  }

  bool fits(const Problem::Task& task, uint32_t worker) const {
    const std::vector<Amount>& capacity = out_.problem.workers[worker].capacity;
    for (size_t r = 0; r < capacity.size(); ++r) {
      if (task.demand[r] > capacity[r]) return false;
    }
    return true;
  }

  /// Once those that run have ended.
  bool has_devices(const Demand& demand, uint32_t worker) const {
    const auto& devices = out_.devices[worker];
    const auto enough = std::count_if(devices.begin(), devices.end(), [&](const auto& device) {
      return allows(demand, device.model) && device.milli >= demand.gpu_milli;
    });
    return enough >= demand.gpu_count;
  }

  /// When it may begin, and has to end. The job that it waits for in vain, and why, if there is
  /// one.
  std::string set_times(const JobSpec& spec, Problem::Task& task) const {
    const auto from_now = [this](int64_t at_ms) {
      return std::max<int64_t>(0, at_ms - view_.now_ms) * kTicksPerMilli;
    };
    if (spec.scheduled_at_ms > 0) task.release = from_now(spec.scheduled_at_ms);
    if (spec.deadline_at_ms > 0) task.deadline = from_now(spec.deadline_at_ms);
    for (const client::JobId before : spec.depends_on) {
      const auto found = waits_.find(before);
      if (found == waits_.end()) continue;  // it has completed
      if (const std::string& why = found->second.stuck; !why.empty())
        return std::to_string(before) + ", " + why;
      wait_for(found->second, task);
    }
    for (const uint32_t item : spec.depends_on_items) {
      const auto& [last, all] = items_[item];
      if (!all.stuck.empty()) return last + ", " + all.stuck;
      wait_for(all, task);
    }
    std::sort(task.after.begin(), task.after.end());
    task.after.erase(std::unique(task.after.begin(), task.after.end()), task.after.end());
    return {};
  }

  /// A job's turn comes by its own place in the queue, but never before that of one that it is
  /// after.
  core::QueuePlace place_of(const JobSpec& spec, const Problem::Task& task) const {
    core::QueuePlace place{spec.priority, task.deadline};
    for (const uint32_t before : task.after)
      place = std::max(place, out_.places[before]);
    return place;
  }

  template <typename Row>
  static void reorder(const std::vector<uint32_t>& order, std::vector<Row>& rows) {
    std::vector<Row> ordered;
    ordered.reserve(rows.size());
    for (const uint32_t i : order)
      ordered.push_back(std::move(rows[i]));
    rows = std::move(ordered);
  }

  /// Tasks were added by age.
  void sort_by_turn() {
    std::vector<uint32_t> order(out_.problem.tasks.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(
        order, [this](uint32_t a, uint32_t b) { return out_.places[a] < out_.places[b]; });
    std::vector<uint32_t> now_at(order.size());
    for (uint32_t i = 0; i < order.size(); ++i)
      now_at[order[i]] = i;
    reorder(order, out_.problem.tasks);
    reorder(order, out_.names);
    reorder(order, out_.demands);
    reorder(order, out_.places);
    for (Problem::Task& task : out_.problem.tasks) {
      for (uint32_t& before : task.after)
        before = now_at[before];
      std::ranges::sort(task.after);
    }
  }

  /// Those that nobody waits for, that wait for nobody and want the same for as long.
  void number_kinds() {
    using Kind =
        std::tuple<const void*, Ticks, std::vector<Amount>, int64_t, std::vector<std::string>>;
    absl::flat_hash_map<Kind, uint32_t> numbers;
    const auto& tasks = out_.problem.tasks;
    out_.kinds.assign(tasks.size(), 0);
    std::vector<char> bound(tasks.size(), 0);
    for (uint32_t i = 0; i < tasks.size(); ++i) {
      for (const uint32_t before : tasks[i].after)
        bound[i] = bound[before] = 1;
    }
    for (uint32_t i = 0; i < tasks.size(); ++i) {
      if (bound[i] != 0 || tasks[i].release > 0) continue;
      const Demand& demand = out_.demands[i];
      const Kind kind{
          tasks[i].workers.identity(),
          tasks[i].duration,
          tasks[i].demand,
          demand.gpu_milli,
          demand.gpu_models};
      const auto next = static_cast<uint32_t>(numbers.size() + 1);
      out_.kinds[i] = numbers.try_emplace(kind, next).first->second;
    }
  }

  static void wait_for(const Awaited& awaited, Problem::Task& task) {
    task.after.insert(task.after.end(), awaited.tasks.begin(), awaited.tasks.end());
    task.release = std::max(task.release, awaited.end);
  }

  const LiveView& view_;
  const LiveOptions& options_;
  std::vector<Worker> workers_;
  std::vector<char> open_;
  absl::flat_hash_map<std::string, size_t> custom_;
  absl::flat_hash_map<std::string, uint32_t> index_;
  absl::flat_hash_map<client::JobId, Awaited> waits_;
  std::vector<std::pair<std::string, Awaited>> items_;  ///< the supposed, each with its last name
  size_t news_ = 0;                                     ///< of these, with all elements
  absl::flat_hash_map<std::vector<uint32_t>, core::WorkerList> lists_;  ///< each is kept once
  LiveProblem out_;
};

}  // namespace

bool allows(const Demand& demand, const std::string& model) {
  return demand.gpu_models.empty() || has(demand.gpu_models, model);
}

uint64_t elements_of(const JobSpec& job) {
  return job.array ? uint64_t{job.array->last} - job.array->first + 1 : 1;
}

bool suits(const Worker& worker, const JobSpec& job) {
  const auto tagged = [&worker](const std::string& tag) {
    return has(worker.tags, tag);
  };
  const auto labelled = [&worker](const client::Label& label) {
    return has_label(worker, label);
  };
  return std::all_of(job.all_tags.begin(), job.all_tags.end(), tagged) &&
         std::none_of(job.none_tags.begin(), job.none_tags.end(), tagged) &&
         std::all_of(
             job.any_tags.begin(),
             job.any_tags.end(),
             [&](const std::vector<std::string>& group) {
               return std::any_of(group.begin(), group.end(), tagged);
             }) &&
         std::all_of(job.affinity.begin(), job.affinity.end(), labelled) &&
         std::none_of(job.anti_affinity.begin(), job.anti_affinity.end(), labelled) &&
         !has(job.exclude_workers, worker.id) &&
         allowed_devices(worker, job.demand) >= job.demand.gpu_count;
}

LiveProblem live_problem(
    const LiveView& view, const Supposed& supposed, const LiveOptions& options) {
  return Builder(view, options).build(supposed);
}

}  // namespace berth::cli
