#pragma once

#include "core/base/arena.h"
#include "core/placement/query.h"
#include "core/tables/tables.h"
#include "wire/messages.h"

namespace berth::core {

/// Why there is no place, or how few there are: every worker counted at the first requirement that
/// rules it out. What no waiting changes comes first: tags, any, not, labels, model, exclusion, too
/// small even when empty; then what passes: status, cooldown, what is left on it.
///
/// Names are counted with the tag index, 64 workers at a time; only workers that have all of them
/// are looked at one by one. `query` was compiled from `place`.
wire::Explanation explain_placement(
    const Tables& tables, const wire::Place& place, const Query& query, Arena& text);

/// The same for workers with nothing on them, whatever their status: who could ever run it.
wire::Explanation explain_capacity(
    const Tables& tables, const wire::Place& place, const Query& query, Arena& text);

/// Whether `explain_capacity` finds anybody; stops at the first.
bool fits_somewhere(const Tables& tables, const wire::Place& place, const Query& query);

}  // namespace berth::core
