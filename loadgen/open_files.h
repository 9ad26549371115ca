#pragma once

#include <cstdint>

#include "loadgen/link.h"

namespace berth::loadgen {

/// Raises this process's limit on open files so that `connections` and a few more fit. A Failure
/// names the limit and what to do about it.
Failure allow_connections(uint64_t connections);

}  // namespace berth::loadgen
