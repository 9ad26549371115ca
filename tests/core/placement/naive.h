#pragma once

#include <vector>

#include "core/base/rng.h"
#include "core/placement/fgd.h"
#include "core/placement/node.h"

/// The definitions, written down as they are read, to hold the fast code against; and random
/// workers and tasks to hold it against on.
namespace berth::core::naive {

/// Whether `demand` fits, by trying every requirement on its own.
bool fits(const NodeState& node, const NodeDemand& demand);

/// F_n of the paper, class by class and device by device.
double fragmentation(const NodeState& node, const std::vector<TypicalTask>& tasks);

/// The lowest increase over every set of devices that can hold `demand`, found by trying them all.
double least_increase(
    const NodeState& node, const NodeDemand& demand, const std::vector<TypicalTask>& tasks);

/// Partly used, sometimes overdrawn; `models` GPU models at most, named 1, 2, ...
NodeState random_node(Rng& rng, uint32_t models);

/// Anything from a task without devices to one of all devices of one model.
NodeDemand random_demand(Rng& rng, uint32_t models);

}  // namespace berth::core::naive
