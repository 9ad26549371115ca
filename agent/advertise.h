#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/profile.h"
#include "agent/runner/runner.h"
#include "agent/sampler.h"

namespace berth::agent {

/// What the operator asks for; the rest comes from the machine.
struct Wanted {
  std::string address;  ///< empty: the host name
  std::vector<std::string> tags;
  std::vector<NamedText> labels;
  std::optional<int64_t> max_tasks;  ///< none: one for each core
  std::vector<NamedCount> custom;
};

/// What is true of this machine whatever is asked for.
struct Platform {
  std::string host;
  std::string system;        ///< `linux`
  std::string architecture;  ///< `x86_64`
  std::vector<std::string> gpu_models;
  std::string gpu_why;
  std::string software;
  std::vector<Backend> backends;  ///< empty: it runs no jobs
};

/// One line of the profile, and the reason for it.
struct Line {
  std::string what;  ///< `memory 8192 MiB`
  std::string why;   ///< `cgroup v2 memory.max of /x`
};

struct Advertised {
  Profile profile;
  std::vector<Line> lines;
};

/// Everything that the servers are told, each part with its reason. Numbers and counts are held
/// within the limits of the protocol (core/settings.h), which the lines then say.
Advertised advertise(const Wanted& wanted, const Platform& platform, const Machine& machine);

}  // namespace berth::agent
