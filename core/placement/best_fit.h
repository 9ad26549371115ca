#pragma once

#include "core/placement/node.h"

namespace berth::core {

/// How much would be left over on `node` after `demand`, each resource as a share of a fixed scale,
/// summed: lower is a tighter fit. Requires that it fits.
///
/// Scale   65,535 slots, 128 cores, 1 TiB of memory, 16 TiB of disk, 100 Gbit/s and `gpu_scale`
///         milli of devices count the same. The same for every worker, so that a large one with
///         room is not taken for a small one. Custom resources have no scale and do not count
double leftover(const NodeState& node, const NodeDemand& demand, double gpu_scale);

/// The leftover with one device as the scale of devices: they are what is scarce where there are
/// any.
///
/// Source  the BestFit baseline of Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section
///         6, which has 8 devices for 128 cores; one device packs its trace better, by 1.2 % of all
double best_fit_leftover(const NodeState& node, const NodeDemand& demand);

}  // namespace berth::core
