#include "core/listing.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/cpu.h"
#include "core/tables/partition.h"

namespace berth::core {

namespace {

/// A page must fit a frame whatever the rows hold: names and texts together stay below this.
constexpr size_t kPageBytesMax = 256 * 1024;

constexpr size_t kSlots = static_cast<size_t>(Resource::Slots);

wire::Capacity capacity_of(const Amounts& amounts, std::span<const wire::NamedAmount> custom) {
  return {amounts[0], amounts[1], amounts[2], amounts[3], amounts[4], {}, custom};
}

/// Copies rows into the reply; counts the bytes they take there.
class RowWriter {
 public:
  RowWriter(const Tables& tables, Now now, Arena& text) : tables_(tables), now_(now), text_(text) {}

  std::optional<wire::WorkerRow> row(WorkerIndex worker) {
    const Segment& segment = tables_.fleet.segment(segment_of(worker));
    uint32_t at = row_of(worker);
    const Row& hot = segment.rows[at];
    RowText texts;
    uint32_t words[RowNames::kWords];
    while (true) {
      uint32_t before = hot.version.load(std::memory_order_acquire);
      texts.load(segment.text[at], segment.text_tail[at]);
      RowNames::copy_out(segment.names[at], segment.names_tail[at], words, 0, 2);
      words[0] = std::min(words[0], kTagsPerWorkerMax);
      words[1] = std::min(words[1], kLabelsPerWorkerMax);
      RowNames::copy_out(segment.names[at], segment.names_tail[at], words, 2, words[0] + words[1]);
      if ((before & 1) == 0 && hot.version.load(std::memory_order_relaxed) == before) break;
      cpu_relax();
    }
    NodeState node;
    uint32_t flags = 0;
    uint32_t generation = 0;
    if (!tables_.fleet.read_node(worker, node, flags, generation)) return std::nullopt;
    wire::WorkerRow row;
    write_texts(texts, row);
    write_names(words, row);
    write_node(node, row);
    write_state(segment, at, flags, row);
    bytes_ += sizeof(wire::WorkerRow);
    return row;
  }

  size_t bytes() const { return bytes_; }

 private:
  std::string_view keep(std::string_view text) {
    bytes_ += text.size() + 8;
    return text_.keep(text);
  }

  void write_texts(const RowText& texts, wire::WorkerRow& row) {
    row.id = keep(texts.id());
    row.address = keep(texts.address());
    row.agent_version = keep(texts.version());
    row.reason = keep(texts.reason());
  }

  void write_names(const uint32_t* words, wire::WorkerRow& row) {
    auto* tags = text_.allocate<std::string_view>(words[0]);
    for (uint32_t i = 0; i < words[0]; ++i)
      tags[i] = name({words[2 + i]});
    row.tags = {tags, words[0]};
    auto* labels = text_.allocate<wire::Label>(words[1]);
    for (uint32_t i = 0; i < words[1]; ++i) {
      std::string_view both = name({words[2 + words[0] + i]});
      size_t equals = both.find('=');
      labels[i] = {both.substr(0, equals), both.substr(equals + 1)};
    }
    row.labels = {labels, words[1]};
  }

  /// Names are never freed, so no copy is needed.
  std::string_view name(NameId id) {
    std::string_view text = tables_.names.text(id);
    bytes_ += text.size() + 16;
    return text;
  }

  void write_node(const NodeState& node, wire::WorkerRow& row) {
    auto* total = text_.allocate<wire::NamedAmount>(node.custom_count);
    auto* free = text_.allocate<wire::NamedAmount>(node.custom_count);
    for (uint32_t i = 0; i < node.custom_count; ++i) {
      total[i] = {name(node.custom_capacity[i].name), node.custom_capacity[i].amount};
      free[i] = {name(node.custom_free[i].name), node.custom_free[i].amount};
    }
    row.capacity = capacity_of(node.capacity, {total, node.custom_count});
    row.free = capacity_of(node.free, {free, node.custom_count});
    auto* gpus = text_.allocate<wire::GpuDevice>(node.gpu_count);
    for (uint32_t i = 0; i < node.gpu_count; ++i) {
      gpus[i] = {name(node.gpu_model[i]), node.gpu_free[i]};
    }
    row.gpus = {gpus, node.gpu_count};
    int32_t slots = node.capacity[kSlots];
    row.load = slots > 0 ? static_cast<double>(slots - node.free[kSlots]) / slots : 0;
  }

  void write_state(const Segment& segment, uint32_t at, uint32_t flags, wire::WorkerRow& row) {
    const RowBeat& beat = segment.beats[at];
    row.status = status_of(flags);
    row.cordoned = (flags & kCordoned) != 0;
    row.draining = (flags & kDraining) != 0;
    Instant last{beat.last_heartbeat_ns.load(std::memory_order_acquire)};
    row.heartbeat_age_ms =
        static_cast<uint32_t>(std::clamp<int64_t>((now_.mono - last).ms(), 0, UINT32_MAX));
    if ((flags & kCooling) != 0) {
      Instant until{beat.cooldown_until_ns.load(std::memory_order_acquire)};
      row.cooldown_ms =
          static_cast<uint32_t>(std::clamp<int64_t>((until - now_.mono).ms(), 0, UINT32_MAX));
    }
    row.reported_tasks = static_cast<uint32_t>(
        std::max(0, segment.rows[at].reported.load(std::memory_order_acquire)));
    row.held_slots =
        static_cast<uint32_t>(std::max(0, segment.rows[at].held.load(std::memory_order_acquire)));
    row.usage = {
        beat.cpu_milli_used.load(std::memory_order_acquire),
        beat.memory_mib_used.load(std::memory_order_acquire),
        beat.gpu_milli_used.load(std::memory_order_acquire)};
  }

  const Tables& tables_;
  Now now_;
  Arena& text_;
  size_t bytes_ = 0;
};

/// The tags of a filter, as names; false: one that nobody has.
bool find_tags(const Names& names, wire::TextList tags, NameIds& found) {
  for (std::string_view tag : tags) {
    found.push_back(names.find(NameKind::Tag, tag));
    if (found.back().value == 0) return false;
  }
  return true;
}

uint64_t matching(const Segment& segment, uint32_t at, const NameIds& tags) {
  uint64_t rows = segment.live.word(at);
  for (NameId tag : tags) {
    const RowSet* having = segment.rows_with(tag);
    rows &= having == nullptr ? 0 : having->word(at);
  }
  return rows;
}

}  // namespace

wire::WorkerPage list_workers(
    const Tables& tables, Now now, const wire::ListWorkers& list, Arena& text) {
  wire::WorkerPage page;
  page.total = tables.fleet.workers();
  NameIds tags;
  if (!find_tags(tables.names, list.tags, tags)) return page;
  uint32_t limit = tables.settings.list_rows_max;
  if (list.limit > 0) limit = std::min(limit, list.limit);
  RowWriter writer(tables, now, text);
  std::vector<wire::WorkerRow> rows;
  uint64_t end = uint64_t{tables.fleet.segment_count()} * kSegmentRows;
  for (uint64_t at = list.cursor; at < end; ++at) {
    WorkerIndex worker{static_cast<uint32_t>(at)};
    const Segment& segment = tables.fleet.segment(segment_of(worker));
    uint64_t word = matching(segment, row_of(worker) / 64, tags) >> (at % 64);
    if (word == 0) {
      at |= 63;  // the rest of the word is empty
      continue;
    }
    at += static_cast<uint64_t>(std::countr_zero(word));
    if (rows.size() == limit || writer.bytes() > kPageBytesMax) {
      page.next_cursor = at;
      break;
    }
    auto row = writer.row({static_cast<uint32_t>(at)});
    if (row) rows.push_back(*row);
  }
  page.rows = text.keep_all<wire::WorkerRow>(rows);
  return page;
}

wire::WorkerPage show_worker(const Tables& tables, Now now, WorkerIndex worker, Arena& text) {
  wire::WorkerPage page;
  page.total = tables.fleet.workers();
  auto row = RowWriter(tables, now, text).row(worker);
  if (row) page.rows = text.keep_all<wire::WorkerRow>({&*row, 1});
  return page;
}

wire::TagPage list_tags(const Tables& tables, Arena& text) {
  constexpr size_t kTagsShownMax = 5'000;
  std::vector<wire::TagCount> tags;
  for (uint32_t id = 1; id <= tables.names.count() && tags.size() < kTagsShownMax; ++id) {
    NameId name{id};
    if (!tables.names.names_something(name) || tables.names.kind(name) != NameKind::Tag) continue;
    uint32_t workers = 0;
    for (uint32_t i = 0; i < tables.fleet.segment_count(); ++i) {
      const RowSet* rows = tables.fleet.segment(i).rows_with(name);
      if (rows != nullptr) workers += rows->count();
    }
    if (workers > 0) tags.push_back({tables.names.text(name), workers});
  }
  std::sort(tags.begin(), tags.end(), [](const wire::TagCount& a, const wire::TagCount& b) {
    return a.tag < b.tag;
  });
  return {text.keep_all<wire::TagCount>(tags)};
}

namespace {

/// LOST is left in the turn in which it is entered; COMPLETED and what follows: those still kept.
constexpr std::pair<wire::JobState, const char*> kJobGauges[] = {
    {wire::JobState::Pending, "berth_jobs_pending"},
    {wire::JobState::Assigned, "berth_jobs_assigned"},
    {wire::JobState::Running, "berth_jobs_running"},
    {wire::JobState::Retrying, "berth_jobs_retrying"},
    {wire::JobState::Completed, "berth_jobs_kept_completed"},
    {wire::JobState::Failed, "berth_jobs_kept_failed"},
    {wire::JobState::Aborted, "berth_jobs_kept_aborted"}};

template <typename Add>
void add_job_stats(const Gauges& gauges, Now now, Add add) {
  const auto number = [](const auto& value) {
    return static_cast<double>(value.load(std::memory_order_relaxed));
  };
  for (const auto& [state, name] : kJobGauges)
    add(name, number(gauges.jobs[static_cast<size_t>(state)]));
  const int64_t oldest = gauges.oldest_pending_ms.load(std::memory_order_relaxed);
  const int64_t age_ms = oldest > 0 ? std::max<int64_t>(now.wall_ms - oldest, 0) : 0;
  add("berth_jobs_oldest_pending_seconds", static_cast<double>(age_ms) / 1e3);
  add("berth_store_commits_total", number(gauges.store_commits));
  add("berth_store_commit_seconds_total", number(gauges.store_commit_us) / 1e6);
}

}  // namespace

wire::StatsReply list_stats(const Tables& tables, Now now, Arena& text) {
  std::vector<wire::Stat> stats;
  auto add = [&](const char* name, double value) {
    stats.push_back({name, -1, value});
  };
  const Fleet& fleet = tables.fleet;
  const Gauges& gauges = tables.counters.gauges;
  add("berth_workers", fleet.workers());
  add("berth_workers_online", fleet.workers_with(wire::WorkerStatus::Online));
  add("berth_workers_suspicious", fleet.workers_with(wire::WorkerStatus::Suspicious));
  add("berth_workers_offline", fleet.workers_with(wire::WorkerStatus::Offline));
  add("berth_reservations", tables.reservations.size());
  add("berth_waiting", tables.waiting.load(std::memory_order_relaxed));
  add("berth_watchers", tables.watchers.load(std::memory_order_relaxed));
  add("berth_names", tables.names.count());
  add("berth_connections", static_cast<double>(gauges.connections.load(std::memory_order_relaxed)));
  add("process_resident_memory_bytes",
      static_cast<double>(gauges.resident_bytes.load(std::memory_order_relaxed)));
  add("process_cpu_seconds_total",
      static_cast<double>(gauges.cpu_us.load(std::memory_order_relaxed)) / 1e6);
  add_job_stats(gauges, now, add);
  int64_t started = gauges.start_wall_ms.load(std::memory_order_relaxed);
  add("process_uptime_seconds", started > 0 ? static_cast<double>(now.wall_ms - started) / 1e3 : 0);
  for (size_t i = 0; i < static_cast<size_t>(Counter::kCount); ++i) {
    auto counter = static_cast<Counter>(i);
    add(counter_name(counter), static_cast<double>(tables.counters.total(counter)));
    for (uint16_t shard = 0; shard < tables.settings.shards; ++shard) {
      auto value = static_cast<double>(tables.counters.threads[shard].get(counter));
      stats.push_back({counter_name(counter), shard, value});
    }
  }
  return {text.keep_all<wire::Stat>(stats)};
}

}  // namespace berth::core
