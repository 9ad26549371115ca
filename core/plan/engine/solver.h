#pragma once

#include <memory>
#include <string_view>

#include "core/plan/engine/engine.h"

namespace berth::core {

enum class EngineChoice : uint8_t {
  Auto,     ///< the search that suits the problem; for few tasks the exact one after a while
  Greedy,   ///< one pass by the best of some rules, and no more
  Exact,    ///< branch and bound; `kExactTasksMax` tasks
  Anytime,  ///< the search alone
};

/// The engine for a problem without fault that is not `unschedulable`.
///
/// `seed` is a schedule of it, such as the one of before: the result is never worse than that.
/// Errors   Exact for more than `kExactTasksMax` tasks, with something that runs already, for
///          BoundedSlowdown, or where leftovers are counted is a CHECK
std::unique_ptr<Engine> make_engine(
    const Problem& problem, EngineChoice choice, Rng rng, const Schedule* seed = nullptr);

/// The search that suits a problem: by who runs what, by the order on each worker, or in general.
std::unique_ptr<Engine> make_search(
    const Problem& problem, Rng rng, const Schedule* seed = nullptr);

/// `loads`, `bins`, `machines`, `parts` or `order`: which one that is.
std::string_view search_name(const Problem& problem);

}  // namespace berth::core
