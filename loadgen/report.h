#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "loadgen/control.h"
#include "loadgen/histogram.h"

namespace berth::loadgen {

/// What a run found, for people and for programs.
struct Report {
  std::string scenario;
  std::string setting;  ///< for people: `8 connections × depth 64, 1000 workers`
  double seconds = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  std::string first_error;
  Histogram latency;
  ServerUsage server;  ///< CPU of the measured time, memory at its end

  /// What only this scenario has: a name as it stands in the JSON, and a number or a list of them.
  struct Extra {
    std::string name;
    double value = 0;
    std::vector<std::pair<std::string, double>> parts;  ///< if not empty, instead of `value`
  };
  std::vector<Extra> extras;

  void add(const std::string& name, double value) { extras.push_back({name, value, {}}); }
  /// The quantiles of `latency`, in µs, under `name`.
  void add(const std::string& name, const Histogram& latency);
};

/// One JSON object, in one line, as docs/benchmarks.md describes it.
std::string to_json(const Report& report);
/// A small table.
std::string to_text(const Report& report);

}  // namespace berth::loadgen
