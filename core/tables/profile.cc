#include "core/tables/profile.h"

#include <algorithm>
#include <bit>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/settings.h"

namespace berth::core {

namespace {

std::string over(const char* field, int64_t value, int64_t max) {
  return std::string(field) + " is " + std::to_string(value) + ", outside 0 to " +
         std::to_string(max);
}

std::string check_labels(std::span<const wire::Label> labels) {
  if (labels.size() > kLabelsPerWorkerMax)
    return over("labels", labels.size(), kLabelsPerWorkerMax);
  for (const wire::Label& label : labels) {
    if (std::string wrong = check_label(label); !wrong.empty()) return wrong;
  }
  return {};
}

std::string check_capacity(const wire::Capacity& capacity) {
  const struct {
    const char* field;
    int64_t value;
    int64_t max;
  } rows[] = {
      {"slots", capacity.slots, kSlotsMax},
      {"cpu_milli", capacity.cpu_milli, kAmountMax},
      {"memory_mib", capacity.memory_mib, kAmountMax},
      {"disk_mib", capacity.disk_mib, kAmountMax},
      {"network_mbit", capacity.network_mbit, kAmountMax},
      {"gpus", static_cast<int64_t>(capacity.gpu_models.size()), kGpusMax},
      {"custom resources", static_cast<int64_t>(capacity.custom.size()), kCustomMax},
  };
  for (const auto& row : rows) {
    if (row.value < 0 || row.value > row.max) return over(row.field, row.value, row.max);
  }
  for (std::string_view model : capacity.gpu_models) {
    if (std::string wrong = check_name("gpu model", model); !wrong.empty()) return wrong;
  }
  for (const wire::NamedAmount& custom : capacity.custom) {
    if (std::string wrong = check_name("custom resource", custom.name); !wrong.empty())
      return wrong;
    if (custom.amount < 0 || custom.amount > kAmountMax) {
      return over("custom resource", custom.amount, kAmountMax);
    }
  }
  return {};
}

uint64_t hash_capacity(uint64_t hash, const wire::Capacity& capacity) {
  for (int64_t amount :
       {capacity.slots,
        capacity.cpu_milli,
        capacity.memory_mib,
        capacity.disk_mib,
        capacity.network_mbit}) {
    hash = hash_combine(hash, static_cast<uint64_t>(amount));
  }
  for (std::string_view model : capacity.gpu_models)
    hash = hash_combine(hash, hash_text(model, 1));
  for (const wire::NamedAmount& custom : capacity.custom) {
    hash = hash_combine(hash, hash_text(custom.name, 2));
    hash = hash_combine(hash, static_cast<uint64_t>(custom.amount));
  }
  return hash;
}

}  // namespace

std::string check_name(const char* field, std::string_view text) {
  if (text.empty()) return std::string(field) + " is empty";
  if (text.size() > kNameBytesMax) {
    return std::string(field) + " has " + std::to_string(text.size()) + " bytes, at most " +
           std::to_string(kNameBytesMax) + " are allowed";
  }
  if (!is_clean_text(text)) {
    return std::string(field) + " holds a control character or is not UTF-8";
  }
  return {};
}

std::string check_label(const wire::Label& label) {
  if (label.key.find('=') != std::string_view::npos) return "label key holds '='";
  if (std::string wrong = check_name("label key", label.key); !wrong.empty()) return wrong;
  if (!label.value.empty()) {
    if (std::string wrong = check_name("label value", label.value); !wrong.empty()) return wrong;
  }
  if (label.key.size() + 1 + label.value.size() > kNameBytesMax) {
    return over("bytes of a label", label.key.size() + 1 + label.value.size(), kNameBytesMax);
  }
  return {};
}

NameIds ProfileNames::indexed() const {
  NameIds ids;
  ids.insert(ids.end(), tags.begin(), tags.end());
  ids.insert(ids.end(), labels.begin(), labels.end());
  ids.insert(ids.end(), models.begin(), models.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::string check_profile(const wire::Heartbeat& beat) {
  if (beat.address.size() > kAddressBytesMax) {
    return over("bytes of the address", beat.address.size(), kAddressBytesMax);
  }
  if (!is_clean_text(beat.address)) {
    return "address holds a control character or is not UTF-8";
  }
  if (beat.agent_version.size() > kVersionBytesMax || !is_clean_text(beat.agent_version)) {
    return "agent_version is not clean text of at most " + std::to_string(kVersionBytesMax) +
           " bytes";
  }
  if (beat.tags.size() > kTagsPerWorkerMax)
    return over("tags", beat.tags.size(), kTagsPerWorkerMax);
  for (std::string_view tag : beat.tags) {
    if (std::string wrong = check_name("tag", tag); !wrong.empty()) return wrong;
  }
  if (std::string wrong = check_labels(beat.labels); !wrong.empty()) return wrong;
  return check_capacity(beat.capacity);
}

bool intern_profile(const wire::Heartbeat& beat, Names& names, ProfileNames& profile) {
  bool room = true;
  auto keep = [&](auto& list, NameId id) {
    room = room && id.value != 0;
    list.push_back(id);
  };
  for (std::string_view tag : beat.tags) {
    NameId id = names.intern(NameKind::Tag, tag);
    if (std::find(profile.tags.begin(), profile.tags.end(), id) == profile.tags.end()) {
      keep(profile.tags, id);
    }
  }
  for (const wire::Label& label : beat.labels) {
    NameId id = names.intern_label(label.key, label.value);
    if (std::find(profile.labels.begin(), profile.labels.end(), id) == profile.labels.end()) {
      keep(profile.labels, id);
    }
  }
  for (std::string_view model : beat.capacity.gpu_models) {
    keep(profile.models, names.intern(NameKind::GpuModel, model));
  }
  for (const wire::NamedAmount& custom : beat.capacity.custom) {
    NameId id = names.intern(NameKind::Resource, custom.name);
    room = room && id.value != 0;
    profile.custom.push_back({id, static_cast<int32_t>(custom.amount)});
  }
  return room;
}

uint64_t profile_fingerprint(const wire::Heartbeat& beat) {
  uint64_t hash = hash_text(beat.address);
  hash = hash_combine(hash, hash_text(beat.agent_version));
  for (std::string_view tag : beat.tags)
    hash = hash_combine(hash, hash_text(tag, 3));
  for (const wire::Label& label : beat.labels) {
    hash = hash_combine(hash, hash_text(label.key, 4));
    hash = hash_combine(hash, hash_text(label.value, 5));
  }
  hash = hash_capacity(hash, beat.capacity);
  return hash != 0 ? hash : 1;  // 0 marks a row without a profile
}

}  // namespace berth::core
