#pragma once

#include "core/placement/node.h"
#include "core/placement/typical_tasks.h"

namespace berth::core {

/// GPU milli of `node` that the typical tasks could not use, weighted by their shares: F_n of the
/// paper. To a task that does not fit, or wants no device, all free milli are of no use; to one
/// that fits, those of the devices with less free than it wants of each, or of another model.
double fragmentation(const NodeState& node, const TypicalTasks& typical);

struct FgdChoice {
  double score = 0;     ///< the lowest wins: `increase`, and a little for what is left over
  double increase = 0;  ///< of fragmentation, if `demand` is put on these devices; may be negative
  GpuSet gpus = 0;
};

/// The devices of `node` that raise its fragmentation least; among equals, the fullest. Several
/// whole devices are taken from one model where one has enough free. Requires that `demand` fits.
///
/// Among workers the increase alone leaves many near-ties, and which of them is taken matters: the
/// score adds 20 milli of fragmentation for each unit of `leftover` (8 devices as scale), so that
/// fuller workers win them. With nothing typical known, that is all there is.
///
/// Source  fragmentation gradient descent: Weng et al., "Beware of Fragmentation: Scheduling
///         GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC 2023
FgdChoice fgd_choose(const NodeState& node, const NodeDemand& demand, const TypicalTasks& typical);

}  // namespace berth::core
