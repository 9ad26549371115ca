#pragma once

#include <cstdio>
#include <cstdlib>

namespace berth::core {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace berth::core

/// What must hold unless we have a bug; on in every build. Never for what a peer sent.
#define BERTH_CHECK(condition) \
  ((condition) ? (void)0 : ::berth::core::check_failed(#condition, __FILE__, __LINE__))
