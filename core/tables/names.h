#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/base/zeroed.h"
#include "core/placement/node.h"

namespace berth::core {

/// What a name is for; the same text may be a tag and a model without being the same name.
enum class NameKind : uint8_t { Tag, Label, LabelKey, GpuModel, Resource };

/// Every tag, label, GPU model and resource name that a worker ever advertised: text <-> number.
///
/// Shape    open addressing over pointers to immutable entries; entries are never removed, because
///          any thread may be reading them. A label's text is `key=value`
/// Threads  any thread reads and interns, without locks; only workers' owners intern, so a query
///          cannot fill the table
/// Memory   16 bytes a slot, touched as it fills; about 48 bytes and the text for each name
/// Errors   `intern` answers NameId{0} when `names_max` is reached
class Names {
 public:
  explicit Names(uint32_t names_max);
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  /// NameId{0} when nobody has advertised it.
  NameId find(NameKind kind, std::string_view text) const;
  NameId find_label(std::string_view key, std::string_view value) const;

  NameId intern(NameKind kind, std::string_view text);
  NameId intern_label(std::string_view key, std::string_view value);

  std::string_view text(NameId id) const { return entry(id)->text(); }
  NameKind kind(NameId id) const { return entry(id)->kind; }

  /// Of a label: the name of its key, as `find(LabelKey, key)` gives it.
  NameId label_key(NameId label) const { return entry(label)->label_key; }

  /// Ids in use are 1 to `count()`; a few of them may have lost a race and name nothing.
  uint32_t count() const { return next_.load(std::memory_order_acquire) - 1; }
  bool names_something(NameId id) const { return slot_of(id).load(std::memory_order_acquire); }

 private:
  struct Entry {
    uint64_t hash;
    NameId id;
    NameId label_key;
    NameKind kind;
    uint16_t bytes;
    std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), bytes}; }
  };
  using Slot = std::atomic<Entry*>;

  Slot& slot_of(NameId id) const { return by_id_.get()[id.value]; }
  const Entry* entry(NameId id) const { return slot_of(id).load(std::memory_order_acquire); }
  NameId insert(NameKind kind, std::string_view text, NameId label_key);
  Entry* make_entry(uint64_t hash, NameKind kind, std::string_view text, NameId label_key);

  uint32_t names_max_;
  uint64_t mask_;
  Zeroed<Slot> slots_;
  Zeroed<Slot> by_id_;
  std::atomic<uint32_t> next_{1};
};

}  // namespace berth::core
