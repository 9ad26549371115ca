#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/placement/query.h"
#include "core/tables/names.h"
#include "wire/messages.h"

namespace berth::core {

/// The names of a worker, interned: what its row and the tag index hold.
struct ProfileNames {
  absl::InlinedVector<NameId, 16> tags;
  absl::InlinedVector<NameId, 8> labels;
  absl::InlinedVector<NameId, 8> models;  ///< one per device
  absl::InlinedVector<CustomAmount, 2> custom;

  /// All that the tag index is asked for: tags, labels and models, each once, ascending.
  NameIds indexed() const;
};

/// Why the beat's profile cannot be taken: one sentence naming field, value and limit. Empty: it
/// can.
std::string check_profile(const wire::Heartbeat& beat);

/// Why `text` cannot be a tag, a model or a resource, or `label` a label: a sentence as above, that
/// begins with `field`. Empty: it can.
std::string check_name(const char* field, std::string_view text);
std::string check_label(const wire::Label& label);

/// False when `names` is full.
bool intern_profile(const wire::Heartbeat& beat, Names& names, ProfileNames& profile);

/// The same for the same profile; a different profile is missed once in 2^64.
uint64_t profile_fingerprint(const wire::Heartbeat& beat);

}  // namespace berth::core
