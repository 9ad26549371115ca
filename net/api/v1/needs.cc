#include "net/api/v1/needs.h"

#include "core/settings.h"
#include "net/text/units.h"

namespace berth::net::v1 {
namespace {

using Kind = JsonKind;

constexpr double kAmountMax = core::kAmountMax;
constexpr double kNameMax = core::kNameBytesMax;
constexpr uint32_t kNamesMax = core::kNamesPerQueryMax;

constexpr std::array<JsonField, 9> kResourceFields = {{
    {.name = "slots",
     .kind = Kind::Integer,
     .about = "Slots; 1 when left out",
     .min = 1,
     .max = core::kSlotsMax},
    {.name = "cpu_milli",
     .kind = Kind::Integer,
     .about = "Thousandths of a core",
     .min = 0,
     .max = kAmountMax},
    {.name = "memory_mib",
     .kind = Kind::Integer,
     .about = "Memory in MiB",
     .min = 0,
     .max = kAmountMax},
    {.name = "disk_mib",
     .kind = Kind::Integer,
     .about = "Disk in MiB",
     .min = 0,
     .max = kAmountMax},
    {.name = "network_mbit",
     .kind = Kind::Integer,
     .about = "Bandwidth in Mbit a second",
     .min = 0,
     .max = kAmountMax},
    {.name = "gpu_count",
     .kind = Kind::Integer,
     .about = "Devices; 1 when only gpu_milli is given",
     .min = 0,
     .max = core::kGpusMax},
    {.name = "gpu_milli",
     .kind = Kind::Integer,
     .about = "Thousandths of each device: 1000, or less of one",
     .min = 1,
     .max = 1000},
    {.name = "gpu_models",
     .about = "Models that will do; any when left out",
     .array = true,
     .max = kNameMax,
     .items_max = kNamesMax},
    {.name = "custom",
     .kind = Kind::Integer,
     .about = "Amounts of what the operator named",
     .map = true,
     .min = 0,
     .max = kAmountMax,
     .items_max = core::kCustomMax},
}};

void read_texts(
    const JsonObject& from, std::string_view name, std::vector<std::string_view>& texts) {
  texts.clear();
  from.each<std::string_view>(name, [&](std::string_view text) { texts.push_back(text); });
}

void read_labels(const JsonObject& from, std::string_view name, std::vector<wire::Label>& labels) {
  labels.clear();
  from.each_of_map<std::string_view>(name, [&](std::string_view key, std::string_view value) {
    labels.push_back({key, value});
  });
}

}  // namespace

const JsonSchema kResourcesSchema = {
    "Resources", "What the task takes while it runs.", kResourceFields};

wire::Demand Needs::demand(const JsonObject& body) {
  const JsonObject resources = body.object("resources");
  wire::Demand demand;
  demand.slots = resources.integer("slots", 1);
  demand.cpu_milli = resources.integer("cpu_milli");
  demand.memory_mib = resources.integer("memory_mib");
  demand.disk_mib = resources.integer("disk_mib");
  demand.network_mbit = resources.integer("network_mbit");
  demand.gpu_count = resources.integer("gpu_count", resources.has("gpu_milli") ? 1 : 0);
  demand.gpu_milli = demand.gpu_count > 0 ? resources.integer("gpu_milli", 1000) : 0;
  read_texts(resources, "gpu_models", gpu_models_);
  custom_.clear();
  resources.each_of_map<int64_t>("custom", [&](std::string_view name, int64_t amount) {
    custom_.push_back({name, amount});
  });
  demand.gpu_models = gpu_models_;
  demand.custom = custom_;
  return demand;
}

wire::Requirements Needs::requirements(const JsonObject& body) {
  wire::Requirements wanted;
  read_texts(body, "tags", tags_);
  read_texts(body, "none_tags", none_tags_);
  read_texts(body, "exclude_workers", exclude_workers_);
  read_labels(body, "affinity", affinity_);
  read_labels(body, "anti_affinity", anti_affinity_);
  read_any_tags(body);
  wanted.all_tags = tags_;
  wanted.any_tags = any_tags_;
  wanted.none_tags = none_tags_;
  wanted.affinity = affinity_;
  wanted.anti_affinity = anti_affinity_;
  wanted.spread_by = body.text("spread_by");
  wanted.exclude_workers = exclude_workers_;
  return wanted;
}

void Needs::read_any_tags(const JsonObject& body) {
  any_words_.clear();
  any_tags_.clear();
  std::vector<size_t> ends;
  body.each<std::string_view>("any_tags", [&](std::string_view group) {
    for (const std::string_view tag : split_list(group, '|'))
      any_words_.push_back(tag);
    ends.push_back(any_words_.size());
  });
  size_t begin = 0;
  for (const size_t end : ends) {
    any_tags_.push_back(wire::TextList(any_words_).subspan(begin, end - begin));
    begin = end;
  }
}

}  // namespace berth::net::v1
