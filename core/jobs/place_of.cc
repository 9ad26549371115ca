#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/jobs/check_spec.h"

namespace berth::core {

namespace {

constexpr std::string_view kRunnerTags[] = {
    "", "runner:process", "runner:sandbox", "runner:container"};

/// What a job without a choice may run on: images need a container, and containers an image.
wire::Runner runner_of(const wire::JobSpec& spec) {
  const bool contained = spec.runner == wire::Runner::Any && !spec.image.empty();
  return contained ? wire::Runner::Container : spec.runner;
}

/// `values` and one more, in `text`.
template <typename Value>
std::span<const Value> with(std::span<const Value> values, const Value& more, Arena& text) {
  Value* all = text.allocate<Value>(values.size() + 1);
  std::uninitialized_copy(values.begin(), values.end(), all);
  new (all + values.size()) Value(more);
  return {all, values.size() + 1};
}

// A key is numbers of 7 bits a byte, and texts after their length: where one ends is never open, so
// different requirements have different keys.

void put_number(uint64_t number, std::string& key) {
  for (; number >= 0x80; number >>= 7)
    key.push_back(static_cast<char>(number | 0x80));
  key.push_back(static_cast<char>(number));
}

void put_amount(int64_t amount, std::string& key) {
  put_number(static_cast<uint64_t>(amount), key);
}

void put_text(std::string_view text, std::string& key) {
  put_number(text.size(), key);
  key.append(text);
}

void put_value(std::string_view text, std::string& key) {
  put_text(text, key);
}
void put_value(const std::pair<std::string_view, std::string_view>& label, std::string& key) {
  put_text(label.first, key);
  put_text(label.second, key);
}
void put_value(const std::pair<std::string_view, int64_t>& custom, std::string& key) {
  put_text(custom.first, key);
  put_amount(custom.second, key);
}

template <typename Values>
void put_sorted(Values values, std::string& key) {
  if (values.size() > 1) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
  }
  put_number(values.size(), key);
  for (const auto& value : values)
    put_value(value, key);
}

template <typename Value>
using Few = absl::InlinedVector<Value, 8>;

void put_texts(wire::TextList texts, std::string& key) {
  put_sorted(Few<std::string_view>(texts.begin(), texts.end()), key);
}

void put_labels(std::span<const wire::Label> labels, std::string& key) {
  Few<std::pair<std::string_view, std::string_view>> pairs;
  for (const wire::Label& label : labels)
    pairs.emplace_back(label.key, label.value);
  put_sorted(std::move(pairs), key);
}

void put_groups(std::span<const wire::TextList> groups, std::string& key) {
  Few<std::string> each;
  for (const wire::TextList& group : groups)
    put_texts(group, each.emplace_back());
  Few<std::string_view> views(each.begin(), each.end());
  put_sorted(std::move(views), key);
}

void put_demand(const wire::Demand& demand, std::string& key) {
  for (int64_t amount :
       {demand.slots,
        demand.cpu_milli,
        demand.memory_mib,
        demand.disk_mib,
        demand.network_mbit,
        demand.gpu_count}) {
    put_amount(amount, key);
  }
  if (demand.gpu_count > 0) {
    put_amount(demand.gpu_milli, key);
    put_texts(demand.gpu_models, key);
  }
  Few<std::pair<std::string_view, int64_t>> custom;
  for (const wire::NamedAmount& amount : demand.custom)
    custom.emplace_back(amount.name, amount.amount);
  put_sorted(std::move(custom), key);
}

}  // namespace

std::string_view runner_tag(wire::Runner runner) {
  const auto index = static_cast<size_t>(runner);
  return index < std::size(kRunnerTags) ? kRunnerTags[index] : "";
}

wire::Place place_of(const wire::JobSpec& spec, Arena& text) {
  static constexpr std::string_view kForCommands[] = {kRunnerTags[1], kRunnerTags[2]};
  wire::Place place;
  place.policy = spec.policy;
  place.demand = spec.demand;
  place.requirements = spec.requirements;
  place.priority = spec.priority;
  wire::Requirements& wanted = place.requirements;
  const wire::Runner runner = runner_of(spec);
  if (runner == wire::Runner::Any) {
    wanted.any_tags = with<wire::TextList>(wanted.any_tags, kForCommands, text);
  } else {
    wanted.all_tags = with(wanted.all_tags, runner_tag(runner), text);
  }
  return place;
}

void append_class_key(const wire::JobSpec& spec, std::string& key) {
  const wire::Requirements& wanted = spec.requirements;
  key.push_back(static_cast<char>(runner_of(spec)));
  key.push_back(static_cast<char>(spec.policy));
  put_demand(spec.demand, key);
  put_texts(wanted.all_tags, key);
  put_groups(wanted.any_tags, key);
  put_texts(wanted.none_tags, key);
  put_labels(wanted.affinity, key);
  put_labels(wanted.anti_affinity, key);
  put_text(wanted.spread_by, key);
  put_texts(wanted.exclude_workers, key);
}

}  // namespace berth::core
