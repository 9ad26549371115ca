#include "core/plan/snapshot.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

namespace berth::core {

namespace {

/// A row is changed by a few dozen instructions at a time: whoever meets so many changes in a row
/// meets a worker that the next snapshot will show better.
constexpr int kReadAttempts = 64;

template <typename Visit>
void each_used_row(const Fleet& fleet, Visit visit) {
  for (uint32_t s = 0; s < fleet.segment_count(); ++s) {
    uint32_t used = fleet.segment(s).used.load(std::memory_order_acquire);
    for (uint32_t row = 0; row < used; ++row)
      visit(worker_index(s, row));
  }
}

/// Tags and labels; counts that a change has torn are clamped, and the version check drops them.
void copy_names(const Segment& segment, uint32_t row, std::vector<NameId>& names) {
  uint32_t words[RowNames::kWords];
  RowNames::copy_out(segment.names[row], segment.names_tail[row], words, 0, 2);
  uint32_t count = std::min(words[0], kTagsPerWorkerMax) + std::min(words[1], kLabelsPerWorkerMax);
  RowNames::copy_out(segment.names[row], segment.names_tail[row], words, 2, count);
  names.clear();
  for (uint32_t i = 0; i < count; ++i)
    names.push_back({words[2 + i]});
}

void add_models(const NodeState& node, std::vector<NameId>& names) {
  for (size_t i = 0; i < node.gpu_count; ++i)
    names.push_back(node.gpu_model[i]);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  // 0 is no name; no worker may seem to have it.
  if (!names.empty() && names.front() == NameId{}) names.erase(names.begin());
}

void resolve_excluded(const Fleet& fleet, std::span<SnapshotTask> tasks) {
  std::map<std::string, std::vector<SnapshotTask*>, std::less<>> who_excludes;
  for (SnapshotTask& task : tasks) {
    for (const std::string& worker : task.query.exclude)
      who_excludes[worker].push_back(&task);
  }
  if (who_excludes.empty()) return;
  each_used_row(fleet, [&](WorkerIndex worker) {
    const Segment& segment = fleet.segment(segment_of(worker));
    uint32_t row = row_of(worker);
    RowText text;
    text.load(segment.text[row], segment.text_tail[row], RowText::kAddress);
    auto found = who_excludes.find(text.id());
    if (found == who_excludes.end()) return;
    // Rows come in ascending order, and a worker named twice is still one.
    for (SnapshotTask* task : found->second) {
      if (task->excluded.empty() || task->excluded.back() != worker) {
        task->excluded.push_back(worker);
      }
    }
  });
}

std::vector<NameId> labels_with_key(const Names& names, NameId key) {
  std::vector<NameId> labels;
  for (uint32_t id = 1; id <= names.count(); ++id) {
    NameId label{id};
    if (!names.names_something(label) || names.kind(label) != NameKind::Label) continue;
    if (names.label_key(label) == key) labels.push_back(label);
  }
  return labels;
}

}  // namespace

bool snapshot_worker(const Fleet& fleet, WorkerIndex index, SnapshotWorker& worker) {
  const Segment& segment = fleet.segment(segment_of(index));
  const Row& row = segment.rows[row_of(index)];
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    uint32_t version = row.version.load(std::memory_order_acquire);
    uint32_t flags = 0;
    if (!fleet.read_node(index, worker.node, flags, worker.generation)) return false;
    if (!is_placeable(flags)) return false;
    copy_names(segment, row_of(index), worker.names);
    if ((version & 1) != 0 || row.version.load(std::memory_order_relaxed) != version) continue;
    add_models(worker.node, worker.names);
    worker.index = index;
    worker.suspicious = (flags & kSuspicious) != 0;
    return true;
  }
  return false;
}

void snapshot_workers(const Fleet& fleet, std::vector<SnapshotWorker>& workers) {
  workers.clear();
  workers.reserve(fleet.workers());
  each_used_row(fleet, [&](WorkerIndex index) {
    SnapshotWorker worker;
    if (snapshot_worker(fleet, index, worker)) workers.push_back(std::move(worker));
  });
}

void resolve_tasks(const Fleet& fleet, const Names& names, std::span<SnapshotTask> tasks) {
  resolve_excluded(fleet, tasks);
  absl::flat_hash_map<uint32_t, std::vector<NameId>> labels_of;
  for (SnapshotTask& task : tasks) {
    if (!task.query.spread || task.query.spread_by == NameId{}) continue;
    auto [entry, fresh] = labels_of.try_emplace(task.query.spread_by.value);
    if (fresh) entry->second = labels_with_key(names, task.query.spread_by);
    task.spread_labels = entry->second;
  }
}

}  // namespace berth::core
