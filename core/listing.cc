#include "core/listing.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/cpu.h"
#include "core/metrics.h"
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

/// A name for each number: `berth_workers` for all of a family, `berth_workers{status="online"}`
/// for one; of a histogram its count and its sum. What was never counted is left out.
class StatRows final : public MetricSink {
 public:
  StatRows(std::vector<wire::Stat>& stats, Arena& text) : stats_(stats), text_(text) {}

  void family(const MetricFamily& family) override {
    family_ = family;
    total_ = stats_.size();
    stats_.push_back({family.name, -1, 0});
  }
  void number(const MetricLabels& labels, double value) override {
    stats_[total_].value += value;
    const bool counted = value != 0 || family_.kind == MetricKind::Gauge;
    if (!labels.empty() && counted) stats_.push_back({name_with(labels), -1, value});
  }
  void histogram(const MetricLabels&, const HistogramSum& values) override {
    const double unit = unit_of(family_.name);
    if (stats_.size() == total_ + 1) {
      stats_[total_].name = text_.keep(std::string(family_.name) + "_count");
      stats_.push_back({text_.keep(std::string(family_.name) + "_sum"), -1, 0});
    }
    stats_[total_].value += static_cast<double>(values.count());
    stats_[total_ + 1].value += static_cast<double>(values.sum) * unit;
  }

 private:
  static double unit_of(std::string_view name) {
    for (size_t i = 0; i < kMeasures; ++i) {
      const MeasureFamily& one = family_of(static_cast<Measure>(i));
      if (one.family.name == name) return one.unit;
    }
    return 1;
  }
  std::string_view name_with(const MetricLabels& labels) {
    std::string name = family_.name;
    char before = '{';
    for (const MetricLabel& label : labels) {
      name.append(1, std::exchange(before, ',')).append(label.name).append("=\"");
      name.append(label.value).append("\"");
    }
    return text_.keep(name + "}");
  }

  std::vector<wire::Stat>& stats_;
  Arena& text_;
  MetricFamily family_ = {};
  size_t total_ = 0;
};

/// A row for each family and shard.
void add_shards(const Counters& counters, std::vector<wire::Stat>& stats) {
  for (size_t i = 0, next = 0; i < kCounters; i = next) {
    const std::string_view name = counter_name(static_cast<Counter>(i));
    next = i + 1;
    while (next < kCounters && counter_name(static_cast<Counter>(next)) == name)
      ++next;
    for (uint16_t shard = 0; shard < counters.shards; ++shard) {
      uint64_t value = 0;
      for (size_t one = i; one < next; ++one)
        value += counters.threads[shard].get(static_cast<Counter>(one));
      stats.push_back({name, shard, static_cast<double>(value)});
    }
  }
}

}  // namespace

wire::StatsReply list_stats(const Tables& tables, Now now, Arena& text) {
  std::vector<wire::Stat> stats;
  StatRows rows(stats, text);
  visit_metrics(tables, now, rows);
  add_shards(tables.counters, stats);
  return {text.keep_all<wire::Stat>(stats)};
}

}  // namespace berth::core
