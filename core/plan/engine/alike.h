#pragma once

#include <cstdint>
#include <vector>

#include "core/plan/problem.h"

namespace berth::core {

inline constexpr uint32_t kNoTwin = UINT32_MAX;

/// For each task the last one before it in `order`, which respects `after`, that is like it in
/// everything; `kNoTwin`: there is none. Of such tasks a schedule may start the earlier ones first.
std::vector<uint32_t> earlier_twins(const Problem& problem, const std::vector<uint32_t>& order);

/// For each worker the first that no task tells apart from it: by capacity and durations.
std::vector<uint32_t> worker_kinds(const Problem& problem);

}  // namespace berth::core
