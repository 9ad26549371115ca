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

/// Has the cache line at `address` brought here to be written, while the caller goes on. A hint:
/// any address will do.
inline void prefetch_to_write(const void* address) {
#if defined(__x86_64__)
  // The builtin asks to read only, unless it is told that the processor knows this instruction.
  // Those that do not, the first ones with 64 bits, take it for a NOP.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace berth::core
