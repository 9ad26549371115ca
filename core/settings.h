#pragma once

#include <cstdint>

#include "core/base/time.h"

namespace berth::core {

/// Limits and intervals of the tables; set once, before the first event.
struct Settings {
  uint16_t shards = 1;
  uint32_t workers_max = 131'072;
  uint32_t names_max = 65'536;  ///< distinct tags, labels, models and resource names together
  uint32_t reservations_max = 1'000'000;
  uint32_t waiting_max = 10'000;
  Duration suspicious_after = Duration::seconds(10);
  Duration offline_after = Duration::seconds(20);
  Duration hold_default = Duration::seconds(10);
  Duration hold_max = Duration::seconds(24 * 3600);
  Duration wait_max = Duration::seconds(3600);
  uint32_t list_rows_max = 500;  ///< rows of one WorkerPage
  bool scatter = false;          ///< choose at random among the three best that are within 5 %
};

// Limits of one message. Peers are told the limit they broke.
inline constexpr Duration kOwnOfflineAfterMax = Duration::seconds(24 * 3600);  // of a worker
inline constexpr uint32_t kIdBytesMax = 128;  // worker and task ids
inline constexpr uint32_t kAddressBytesMax = 128;
inline constexpr uint32_t kNameBytesMax = 128;  // a tag; a label's key and value together
inline constexpr uint32_t kReasonBytesMax = 128;
inline constexpr uint32_t kVersionBytesMax = 64;
inline constexpr uint32_t kTagsPerWorkerMax = 64;
inline constexpr uint32_t kLabelsPerWorkerMax = 32;
inline constexpr uint32_t kNamesPerQueryMax = 64;  // tags, labels and models in one request
inline constexpr uint32_t kGpusMax = 16;
inline constexpr uint32_t kCustomMax = 4;
inline constexpr uint32_t kRunningTasksMax = 4'096;
inline constexpr int64_t kSlotsMax = 65'535;
inline constexpr int64_t kAmountMax = 2'000'000'000;  // of every other resource

}  // namespace berth::core
