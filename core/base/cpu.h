#pragma once

namespace berth::core {

/// What a spinning thread says to its core, so that the other thread of the core gets its turn.
inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace berth::core
