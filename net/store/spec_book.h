#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "net/store/sqlite_handle.h"
#include "wire/ids.h"

namespace berth::net {

/// The specs that stand apart from their jobs: those of arrays, shared by their elements, and long
/// ones, which would be written anew with every change of their job.
///
/// Threads  as the database
/// Memory   one node for each, and a copy of the spec that was used last
/// Errors   false, and the database says why
class SpecBook {
 public:
  /// Longer ones stand apart; a page holds several rows with shorter ones.
  static constexpr size_t kLong = 1'536;

  /// Prepares the statements and reads which ones there are.
  bool prepare(Database& database);
  void finalize();

  /// The spec of the jobs from `id` to `last`.
  bool keep(wire::JobId id, wire::JobId last, std::span<const std::byte> spec);

  /// 8-byte aligned, valid until the next call of anything here; empty when there is none.
  bool find(wire::JobId id, std::span<const std::byte>& spec);

  /// One of its jobs was dropped.
  void on_dropped(wire::JobId job);
  /// Drops the specs of which the last job was dropped.
  bool sweep();

 private:
  std::map<wire::JobId, wire::JobId> last_of_;
  std::set<wire::JobId> touched_;
  wire::JobId cached_;
  std::vector<uint64_t> cache_;  // words: a spec is read in place
  size_t cache_bytes_ = 0;
  Statement insert_;
  Statement select_;
  Statement any_left_;
  Statement remove_;
};

}  // namespace berth::net
