#include <string>

#include "core/base/text.h"
#include "core/placement/check_needs.h"
#include "core/placement/placement.h"

namespace berth::core {

namespace {

inline size_t name_count(const wire::Requirements& wanted, const wire::Demand& demand) {
  size_t names = wanted.all_tags.size() + wanted.none_tags.size() + wanted.affinity.size() +
                 wanted.anti_affinity.size() + demand.gpu_models.size() + wanted.any_tags.size();
  for (const wire::TextList& group : wanted.any_tags)
    names += group.size();
  return names;
}

[[gnu::always_inline]] inline void check_demand(const wire::Demand& demand, Checker& check) {
  check.range("slots", demand.slots, 1, kSlotsMax);
  check.range("cpu_milli", demand.cpu_milli, 0, kAmountMax);
  check.range("memory_mib", demand.memory_mib, 0, kAmountMax);
  check.range("disk_mib", demand.disk_mib, 0, kAmountMax);
  check.range("network_mbit", demand.network_mbit, 0, kAmountMax);
  check.range("gpu_count", demand.gpu_count, 0, kGpusMax);
  if (demand.gpu_count > 0) check.range("gpu_milli", demand.gpu_milli, 1, kWholeGpu);
  check.that(
      demand.gpu_count <= 1 || demand.gpu_milli == kWholeGpu,
      "gpu_milli below 1000 takes a part of one device: set gpu_count to 1");
  check.range("custom resources", static_cast<int64_t>(demand.custom.size()), 0, kCustomMax);
  for (size_t i = 0; i < demand.custom.size() && check.ok(); ++i) {
    check.range("custom resource", demand.custom[i].amount, 0, kAmountMax);
    // Each amount is compared with all that is free, so two of one name could take more than that.
    for (size_t j = 0; j < i; ++j) {
      check.that(
          demand.custom[i].name != demand.custom[j].name,
          "a custom resource is named twice: give its amounts as one");
    }
  }
}

/// Part of every placement, so it is compiled into it although jobs are checked by it too.
[[gnu::always_inline]] inline void check_asked(
    const wire::Demand& demand, const wire::Requirements& wanted, Checker& check) {
  check_demand(demand, check);
  check.range(
      "tags, labels and models of one request",
      static_cast<int64_t>(name_count(wanted, demand)),
      0,
      kNamesPerQueryMax);
  check.range(
      "excluded workers",
      static_cast<int64_t>(wanted.exclude_workers.size()),
      0,
      kNamesPerQueryMax);
}

void check_place(const wire::Place& place, Checker& check) {
  check.that(
      !place.task.empty() && place.task.size() <= kIdBytesMax && is_clean_text(place.task),
      "task id must be 1 to 128 bytes of UTF-8 without control characters");
  check_asked(place.demand, place.requirements, check);
}

void compile_demand(const wire::Demand& demand, const Names& names, NodeDemand& out) {
  out.amounts = {
      static_cast<int32_t>(demand.slots),
      static_cast<int32_t>(demand.cpu_milli),
      static_cast<int32_t>(demand.memory_mib),
      static_cast<int32_t>(demand.disk_mib),
      static_cast<int32_t>(demand.network_mbit)};
  out.gpu_count = static_cast<uint16_t>(demand.gpu_count);
  out.gpu_milli = static_cast<uint16_t>(demand.gpu_count > 0 ? demand.gpu_milli : 0);
  out.gpu_models.clear();
  out.custom.clear();
  for (const wire::NamedAmount& custom : demand.custom) {
    out.custom.push_back(
        {names.find(NameKind::Resource, custom.name), static_cast<int32_t>(custom.amount)});
  }
  if (demand.gpu_count == 0) return;
  for (std::string_view model : demand.gpu_models) {
    out.gpu_models.push_back(names.find(NameKind::GpuModel, model));
  }
}

}  // namespace

void check_needs(const wire::Demand& demand, const wire::Requirements& wanted, Checker& check) {
  check_asked(demand, wanted, check);
}

// A name that no worker has advertised compiles to NameId{0}, which no worker has. The lists keep
// the order of the request, so that an explanation can put its words to them.
bool compile_query(
    const wire::Place& place,
    const Names& names,
    Query& query,
    Arena& text,
    std::string_view& error) {
  Checker check;
  check_place(place, check);
  if (!check.ok()) {
    error = text.keep(check.wrong());
    return false;
  }
  const wire::Requirements& wanted = place.requirements;
  query.policy = place.policy;
  query.all.clear();
  query.none.clear();
  query.any.clear();
  query.exclude.clear();
  for (std::string_view tag : wanted.all_tags)
    query.all.push_back(names.find(NameKind::Tag, tag));
  for (const wire::Label& label : wanted.affinity) {
    query.all.push_back(names.find_label(label.key, label.value));
  }
  for (std::string_view tag : wanted.none_tags)
    query.none.push_back(names.find(NameKind::Tag, tag));
  for (const wire::Label& label : wanted.anti_affinity) {
    query.none.push_back(names.find_label(label.key, label.value));
  }
  for (const wire::TextList& group : wanted.any_tags) {
    NameIds& ids = query.any.emplace_back();
    for (std::string_view tag : group)
      ids.push_back(names.find(NameKind::Tag, tag));
  }
  compile_demand(place.demand, names, query.demand);
  if (!query.demand.gpu_models.empty()) {
    NameIds& models = query.any.emplace_back();
    models.assign(query.demand.gpu_models.begin(), query.demand.gpu_models.end());
  }
  query.spread_by = NameId{0};
  query.spread = !wanted.spread_by.empty();
  if (query.spread) query.spread_by = names.find(NameKind::LabelKey, wanted.spread_by);
  for (std::string_view worker : wanted.exclude_workers)
    query.exclude.emplace_back(worker);
  return true;
}

}  // namespace berth::core
