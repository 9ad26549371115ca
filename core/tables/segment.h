#pragma once

#include <atomic>
#include <cstdint>

#include "core/placement/query.h"
#include "core/tables/bits.h"
#include "core/tables/load_index.h"
#include "core/tables/row.h"
#include "wire/ids.h"

namespace berth::core {

/// 4,096 rows of one shard, with their tag index and load index.
///
/// Memory   page by page as it is touched; a RowSet for each name that a worker here has, never
/// freed
struct Segment {
  wire::ShardId owner;
  std::atomic<uint32_t> used;  ///< rows below this have been used at least once
  /// Grows after every change of `live` or of a tag set, so that what was computed from them can be
  /// kept until then. Never 0 once a worker has registered.
  std::atomic<uint64_t> names_version;
  RowSet live;       ///< a worker is registered
  RowSet placeable;  ///< live, and neither cordoned, draining nor offline
  LoadIndex load;
  Row rows[kSegmentRows];
  RowBeat beats[kSegmentRows];
  RowExtras extras[kSegmentRows];
  RowText::Words::Head text[kSegmentRows];
  RowText::Words::Tail text_tail[kSegmentRows];
  RowNames::Head names[kSegmentRows];
  RowNames::Tail names_tail[kSegmentRows];
  std::atomic<RowSet*>* tags;  ///< by NameId; null: nobody here has it

  const RowSet* rows_with(NameId name) const {
    return tags[name.value].load(std::memory_order_acquire);
  }
};

constexpr uint32_t segment_of(WorkerIndex worker) {
  return worker.value / kSegmentRows;
}
constexpr uint32_t row_of(WorkerIndex worker) {
  return worker.value % kSegmentRows;
}
constexpr WorkerIndex worker_index(uint32_t segment, uint32_t row) {
  return {segment * kSegmentRows + row};
}

}  // namespace berth::core
