#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>

namespace berth::core {

struct UnmapZeroed {
  size_t bytes = 0;
  void operator()(void* memory) const { munmap(memory, bytes); }
};

template <typename T>
using Zeroed = std::unique_ptr<T, UnmapZeroed>;

/// Zeroed, page-aligned memory that becomes resident page by page as it is first touched, which is
/// why tables sized for their limit cost nothing while they are small.
///
/// `T` must be valid as all zero bytes and need no destructor: numbers, atomics of numbers and
/// pointers, and structs and arrays of them. Its constructors do not run: they would touch it all.
template <typename T>
Zeroed<T> make_zeroed(size_t count = 1) {
  size_t bytes = count * sizeof(T);
  void* memory = mmap(
      nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // A huge page would make 2 MiB resident for the first row of a table.
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  return Zeroed<T>(static_cast<T*>(memory), UnmapZeroed{bytes});
}

}  // namespace berth::core
