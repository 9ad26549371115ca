#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loadgen/lane.h"
#include "loadgen/workload.h"
#include "wire/messages.h"

namespace berth::loadgen {

enum class Command : uint8_t { Load, Hold, Replay, Jobs, JobQueries };

/// What the command line asks for. Each command reads its own part and what is common.
struct Options {
  Command command = Command::Load;
  Scenario scenario = Scenario::Ping;
  std::string name;  ///< of the command, as typed

  std::string server = "127.0.0.1:7640";
  std::string token;
  bool json = false;

  uint32_t connections = 8;
  uint32_t depth = 64;
  uint32_t threads = 1;
  double seconds = 10;
  uint64_t requests = 0;  ///< 0: as many as `seconds` hold
  double rate = 0;        ///< a second, open loop; 0: closed loop
  WorkloadOptions workload;
  wire::Policy policy = wire::Policy::LeastLoaded;
  bool full_beats = false;

  uint32_t agents = 1'000;
  double place_rate = 0;

  std::string arrivals;
  std::string out;
  uint32_t batch = 1;

  uint64_t jobs = 100'000;   ///< when `seconds` is 0
  uint64_t in_flight = 512;  ///< jobs submitted and not known as completed
  uint32_t job_workers = 8;
  double fail = 0;       ///< probability that an attempt fails, other than the last
  uint64_t pending = 0;  ///< jobs submitted first, which no worker can run
  bool keep = false;     ///< leave workers and pending jobs
  bool reconnect = false;
};

/// Reads the command line, and BERTH_SERVER and BERTH_TOKEN where it says nothing.
/// False: the program ends here with `exit_code`; what there is to say has been said.
bool parse_options(int argc, char** argv, Options& options, int& exit_code);

}  // namespace berth::loadgen
