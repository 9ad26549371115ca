#pragma once

#include <cstdint>

namespace berth::net {

/// A file system for SQLite that does as the real one until it is told to fail.
///
/// Threads  it is told before the store's thread is started, or on the only thread there is
struct FailingVfs {
  static constexpr const char* kName = "berth-failing";

  enum class Call : uint8_t { Write, Sync };

  /// Once for the process.
  static void install();
  /// From now on `successes` calls of the kind succeed; that after them and all later ones give
  /// `code`, as a disk that is full or broken does.
  static void fail(Call call, int successes, int code);
  static void heal();
  /// Calls of the kind since the last `fail` or `heal`.
  static int calls(Call call);
};

}  // namespace berth::net
