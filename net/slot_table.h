#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "wire/ids.h"

namespace berth::net {

/// The connections of one loop by slot. A ConnectionId names one use of a slot, so that an answer
/// for a peer that has gone never reaches the next one. `T` has a member `wire::ConnectionId id`.
///
/// Threads  the loop's
/// Memory   a row for each slot ever used; a slot is used again
template <typename T>
class SlotTable {
 public:
  explicit SlotTable(wire::ShardId shard) : shard_(shard) {}

  T& add(std::unique_ptr<T> connection) {
    auto slot = static_cast<uint32_t>(rows_.size());
    if (free_.empty()) {
      rows_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    Row& row = rows_[slot];
    row.connection = std::move(connection);
    row.connection->id = wire::ConnectionId::make(shard_, slot, row.generation);
    return *row.connection;
  }

  /// Null when that use of the slot is over.
  T* find(wire::ConnectionId id) {
    if (id.slot() >= rows_.size() || rows_[id.slot()].generation != id.generation()) return nullptr;
    return rows_[id.slot()].connection.get();
  }

  void remove(wire::ConnectionId id) {
    Row& row = rows_[id.slot()];
    row.connection.reset();
    row.generation = (row.generation + 1) & 0xFFFFFFu;
    free_.push_back(id.slot());
  }

  size_t count() const { return rows_.size() - free_.size(); }
  size_t slots() const { return rows_.size(); }
  /// Null when the slot is free.
  T* at_slot(size_t slot) { return rows_[slot].connection.get(); }

 private:
  struct Row {
    std::unique_ptr<T> connection;
    uint32_t generation = 0;
  };

  const wire::ShardId shard_;
  std::vector<Row> rows_;
  std::vector<uint32_t> free_;
};

}  // namespace berth::net
