// Replays a list of tasks on a list of GPU nodes with one policy, in this process and with nothing
// but the scoring functions: how well does the policy pack, and what does a decision cost?
//
//   trace_inprocess NODES.csv TASKS.csv best-fit|fgd [seeds]
//
// Every task of the list once in random order, then drawn with replacement until the GPU requests
// reach 130 % of capacity. Tasks never leave; one that fits nowhere is dropped. Printed is the GPU
// milli allocated, in % of all, when so many % have been requested: mean over the seeds.

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/placement/best_fit.h"
#include "core/placement/fgd.h"
#include "core/placement/node.h"
#include "core/placement/score_cache.h"

namespace {

using berth::core::NodeDemand;
using berth::core::NodeState;

constexpr int kFirstPercent = 80;
constexpr int kLastPercent = 130;
constexpr int kStep = 5;
constexpr size_t kPoints = (kLastPercent - kFirstPercent) / kStep + 1;

struct Trace {
  std::vector<NodeState> nodes;
  std::vector<NodeDemand> tasks;
  std::map<std::string, berth::core::NameId> models;
};

std::vector<std::string> split(const std::string& line, char by) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, by);)
    fields.push_back(field);
  return fields;
}

std::ifstream open(const char* path) {
  std::ifstream file(path);
  std::string header;
  if (!std::getline(file, header)) {
    std::fprintf(stderr, "trace_inprocess: cannot read %s; give the path of a CSV file\n", path);
    std::exit(2);
  }
  return file;
}

berth::core::NameId intern(Trace& trace, const std::string& model) {
  auto next = static_cast<uint32_t>(trace.models.size() + 1);
  return trace.models.try_emplace(model, berth::core::NameId{next}).first->second;
}

void read_nodes(const char* path, Trace& trace) {
  std::ifstream file = open(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> f = split(line, ',');  // sn, cpu_milli, memory_mib, gpu, model
    NodeState node;
    node.capacity = {65'535, std::stoi(f[1]), std::stoi(f[2]), 0, 0};
    node.free = node.capacity;
    node.gpu_count = static_cast<uint16_t>(std::stoi(f[3]));
    for (size_t i = 0; i < node.gpu_count; ++i) {
      node.gpu_free[i] = berth::core::kWholeGpu;
      node.gpu_model[i] = intern(trace, f[4]);
    }
    trace.nodes.push_back(node);
  }
}

void read_tasks(const char* path, Trace& trace) {
  std::ifstream file = open(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> f =
        split(line, ',');  // name, cpu, memory, num_gpu, gpu_milli, gpu_spec
    NodeDemand task;
    task.amounts = {1, std::stoi(f[1]), std::stoi(f[2]), 0, 0};
    task.gpu_count = static_cast<uint16_t>(std::stoi(f[3]));
    task.gpu_milli = static_cast<uint16_t>(std::stoi(f[4]));
    for (const std::string& model : split(f[5], '|')) {
      if (!model.empty()) task.gpu_models.push_back(intern(trace, model));
    }
    trace.tasks.push_back(task);
  }
}

class Replay {
 public:
  Replay(const Trace& trace, bool fgd, uint64_t seed)
      : trace_(trace), nodes_(trace.nodes), fgd_(fgd), rng_(seed) {
    for (const NodeState& node : nodes_)
      capacity_ += int64_t{node.gpu_count} * 1000;
  }

  std::array<double, kPoints> run() {
    std::vector<size_t> order(trace_.tasks.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    for (size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[rng_.below(i)]);
    for (size_t i = 0; point_ < kPoints; ++i) {
      arrive(trace_.tasks[i < order.size() ? order[i] : rng_.below(trace_.tasks.size())]);
    }
    return allocated_at_;
  }

  int64_t decisions() const { return decisions_; }
  int64_t refused() const { return refused_; }

 private:
  void arrive(const NodeDemand& task) {
    int64_t milli = int64_t{task.gpu_count} * task.gpu_milli;
    arrived_ += milli;
    ++decisions_;
    if (fgd_) typical_.learn(task);
    if (place(task)) {
      allocated_ += milli;
    } else {
      ++refused_;
    }
    auto share = [&](int64_t part) {
      return 100.0 * static_cast<double>(part) / static_cast<double>(capacity_);
    };
    while (point_ < kPoints &&
           share(arrived_) >= kFirstPercent + kStep * static_cast<int>(point_)) {
      allocated_at_[point_++] = share(allocated_);
    }
  }

  bool place(const NodeDemand& task) {
    double lowest = 1e300;
    NodeState* chosen = nullptr;
    berth::core::GpuSet gpus = 0;
    cache_.begin(task, typical_);
    // Where the service begins depends on what came before: no help from the order of the list.
    size_t first = rng_.below(nodes_.size());
    for (size_t n = 0; n < nodes_.size(); ++n) {
      NodeState& node = nodes_[(n + first) % nodes_.size()];
      if (misfit(node, task) != berth::core::Misfit::None) continue;
      berth::core::ScoredGpus choice;
      if (fgd_) {
        choice = cache_.fgd(node);
      } else {
        choice.score = best_fit_leftover(node, task);
      }
      if (choice.score >= lowest) continue;
      lowest = choice.score;
      chosen = &node;
      gpus = choice.gpus;
    }
    if (chosen == nullptr) return false;
    take(*chosen, task, fgd_ ? gpus : choose_gpus(*chosen, task));
    return true;
  }

  const Trace& trace_;
  std::vector<NodeState> nodes_;
  bool fgd_;
  berth::core::Rng rng_;
  berth::core::TypicalTasks typical_;
  berth::core::ScoreCache cache_;
  int64_t capacity_ = 0;
  int64_t arrived_ = 0;
  int64_t allocated_ = 0;
  int64_t decisions_ = 0;
  int64_t refused_ = 0;
  size_t point_ = 0;
  std::array<double, kPoints> allocated_at_{};
};

}  // namespace

int main(int argc, char** argv) {
  std::string policy = argc > 3 ? argv[3] : "";
  if (policy != "best-fit" && policy != "fgd") {
    std::fprintf(stderr, "usage: trace_inprocess NODES.csv TASKS.csv best-fit|fgd [seeds]\n");
    return 2;
  }
  int seeds = argc > 4 ? std::atoi(argv[4]) : 3;
  Trace trace;
  read_nodes(argv[1], trace);
  read_tasks(argv[2], trace);
  std::array<double, kPoints> sum{};
  double ns = 0;
  int64_t decisions = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    Replay replay(trace, policy == "fgd", static_cast<uint64_t>(seed));
    auto start = std::chrono::steady_clock::now();
    std::array<double, kPoints> allocated = replay.run();
    ns += static_cast<double>((std::chrono::steady_clock::now() - start).count());
    decisions += replay.decisions();
    for (size_t i = 0; i < kPoints; ++i)
      sum[i] += allocated[i];
    std::printf("seed %d refused %ld:", seed, static_cast<long>(replay.refused()));
    for (double a : allocated)
      std::printf(" %6.3f", a);
    std::printf("\n");
  }
  std::printf("%-10s ", "arrived %");
  for (size_t i = 0; i < kPoints; ++i)
    std::printf(" %6d", kFirstPercent + kStep * static_cast<int>(i));
  std::printf("\n%-10s ", policy.c_str());
  for (double s : sum)
    std::printf(" %6.3f", s / seeds);
  std::printf(
      "\n%.1f us a decision over %zu nodes\n",
      ns / 1000 / static_cast<double>(decisions),
      trace.nodes.size());
  return 0;
}
