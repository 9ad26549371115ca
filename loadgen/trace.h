#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace berth::loadgen {

/// A node of a trace: all its devices are of one model.
struct TraceNode {
  std::string name;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t gpus = 0;
  std::string model;
};

/// A task of a trace. It takes `num_gpu` devices, `gpu_milli` of each: below 1000 only of one.
struct TraceTask {
  int64_t pod = 0;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t num_gpu = 0;
  int64_t gpu_milli = 0;
  std::vector<std::string> models;  ///< allowed; empty: any

  int64_t gpu_milli_all() const { return num_gpu * gpu_milli; }
};

struct Trace {
  std::vector<TraceNode> nodes;
  std::vector<TraceTask> tasks;
};

/// Reads one JSON object a line, first the nodes, then the tasks. False: `problem` names the line
/// and what is wrong with it.
bool read_trace(std::istream& in, Trace& trace, std::string& problem);

}  // namespace berth::loadgen
