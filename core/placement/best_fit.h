#pragma once

#include "core/placement/node.h"

namespace berth::core {

/// How much would be left over on `node` after `demand`, each resource as a share of `scale`, summed:
/// lower is a tighter fit. Requires that it fits.
///
/// Source  the BestFit baseline of Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 6
double best_fit_leftover(const NodeState& node, const NodeDemand& demand);

}  // namespace berth::core
