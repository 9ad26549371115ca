#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wire/ids.h"

/// What several messages are made of. Shape, units, memory and errors as messages.h says.
namespace berth::wire {

using Text = std::string_view;
using TextList = std::span<const std::string_view>;

/// `key=value`, as in zone=eu-1a.
struct Label {
  Text key;
  Text value;
};

/// An amount of something the operator named, such as licences.
struct NamedAmount {
  Text name;
  int64_t amount = 0;
};

/// Least-loaded is the default: the lowest current/max slots.
enum class Policy : uint8_t { LeastLoaded = 0, BestFit = 1, Fgd = 2, Spread = 3, Pack = 4 };
inline constexpr int kPolicyCount = 5;

/// What a task takes while it runs.
struct Demand {
  int64_t slots = 1;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t disk_mib = 0;
  int64_t network_mbit = 0;
  int64_t gpu_count = 0;  ///< devices
  int64_t gpu_milli = 0;  ///< of each device: 1000, or 1..999 when gpu_count is 1
  TextList gpu_models;    ///< allowed models; empty: any
  std::span<const NamedAmount> custom;
};

/// Which workers may be chosen.
struct Requirements {
  TextList all_tags;
  std::span<const TextList> any_tags;  ///< of every group, at least one
  TextList none_tags;
  std::span<const Label> affinity;       ///< the worker has every one of these labels
  std::span<const Label> anti_affinity;  ///< the worker has none of these labels
  Text spread_by;                        ///< label key: choose its least loaded value first
  TextList exclude_workers;              ///< ids that have refused this task
};

/// Why a request was not done. The wire's own tokens; `refusal_token` in wire/tokens.h spells them.
enum class Refusal : uint8_t {
  None = 0,
  BadRequest = 1,    ///< a field is out of range, malformed or not UTF-8; `message` names it
  NotFound = 2,      ///< no such worker or reservation
  Conflict = 3,      ///< another life of this worker, or another task under this id
  Denied = 4,        ///< wrong token
  Busy = 5,          ///< a queue or table is full; ask again later
  LimitReached = 6,  ///< a configured limit; asking again will not help
  Stale = 7,         ///< older than what the server already has
  Unsupported = 8,   ///< protocol version or message kind not known here
  ShuttingDown = 9,
};

/// How many workers one requirement ruled out, each worker counted at the first that did.
struct Elimination {
  Text requirement;  ///< `tag:gpu`, `cpu`, `offline`: the tokens of docs/protocol.md
  uint32_t workers = 0;
  int64_t asked = 0;    ///< of a resource, in the unit of its Demand, GPUs in thousandths; else 0
  int64_t largest = 0;  ///< the most of it that one of these workers has: left, or in all
};

/// The one explanation object of every surface.
struct Explanation {
  uint32_t workers = 0;  ///< how many were looked at
  uint32_t eligible = 0;
  std::span<const Elimination> eliminated;
  uint32_t queue_position = 0;  ///< 1 is next; 0: not queued
};

}  // namespace berth::wire
