#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <string>

#include "core/placement/node.h"
#include "wire/messages.h"

namespace berth::core {

/// A row of the fleet: segment and place in it. Stable while the worker is registered.
struct WorkerIndex {
  uint32_t value = 0;
  friend auto operator<=>(WorkerIndex, WorkerIndex) = default;
};

using NameIds = absl::InlinedVector<NameId, 4>;

/// A Place request with its names interned and its numbers checked: what the policies understand.
struct Query {
  NameIds all;                          ///< tags and labels that a worker must have
  absl::InlinedVector<NameIds, 1> any;  ///< of each group at least one; GPU models are one
  NameIds none;                         ///< tags and labels that it must not have
  NodeDemand demand;
  wire::Policy policy = wire::Policy::LeastLoaded;
  bool spread = false;                          ///< least loaded value of a label first
  NameId spread_by;                             ///< its key; 0: no worker has it
  absl::InlinedVector<std::string, 1> exclude;  ///< worker ids that have refused
  friend bool operator==(const Query&, const Query&) = default;
};

}  // namespace berth::core
