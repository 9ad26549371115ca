#include "core/tables/names.h"

#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "core/base/hash.h"

namespace berth::core {

namespace {

/// `key=value` joined on the stack: labels are looked up on the path of a placement.
class LabelText {
 public:
  LabelText(std::string_view key, std::string_view value) : bytes_(key.size() + 1 + value.size()) {
    if (bytes_ > text_.size()) {
      bytes_ = 0;  // longer than any name may be: matches nothing
      return;
    }
    // Not memcpy: the key or value of a query may be absent, a null pointer.
    key.copy(text_.data(), key.size());
    text_[key.size()] = '=';
    value.copy(text_.data() + key.size() + 1, value.size());
  }
  std::string_view text() const { return {text_.data(), bytes_}; }

 private:
  std::array<char, kNameBytesMax + 1> text_;
  size_t bytes_;
};

}  // namespace

Names::Names(uint32_t names_max)
    : names_max_(names_max),
      mask_(std::bit_ceil(uint64_t{names_max} * 2 + 2) - 1),
      slots_(make_zeroed<Slot>(mask_ + 1)),
      by_id_(make_zeroed<Slot>(size_t{names_max} + 2)) {}

Names::~Names() {
  for (uint32_t id = 1; id <= count(); ++id) {
    ::operator delete(slot_of({id}).load(std::memory_order_relaxed));
  }
}

NameId Names::find(NameKind kind, std::string_view text) const {
  uint64_t hash = hash_text(text, static_cast<uint64_t>(kind) + 1);
  for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
    const Entry* entry = slots_.get()[at].load(std::memory_order_acquire);
    if (entry == nullptr) return {};
    if (entry->hash == hash && entry->kind == kind && same_text(entry->text(), text)) {
      return entry->id;
    }
  }
}

NameId Names::find_label(std::string_view key, std::string_view value) const {
  return find(NameKind::Label, LabelText(key, value).text());
}

NameId Names::intern(NameKind kind, std::string_view text) {
  NameId known = find(kind, text);
  return known.value != 0 ? known : insert(kind, text, NameId{});
}

NameId Names::intern_label(std::string_view key, std::string_view value) {
  LabelText label(key, value);
  NameId known = find(NameKind::Label, label.text());
  if (known.value != 0) return known;
  NameId key_id = intern(NameKind::LabelKey, key);
  return key_id.value == 0 ? NameId{} : insert(NameKind::Label, label.text(), key_id);
}

Names::Entry* Names::make_entry(
    uint64_t hash, NameKind kind, std::string_view text, NameId label_key) {
  auto* entry = static_cast<Entry*>(::operator new(sizeof(Entry) + text.size()));
  new (entry) Entry{hash, NameId{}, label_key, kind, static_cast<uint16_t>(text.size())};
  std::memcpy(static_cast<void*>(entry + 1), text.data(), text.size());
  return entry;
}

NameId Names::insert(NameKind kind, std::string_view text, NameId label_key) {
  // The id is taken before the entry is published, so that whoever finds the entry finds its id.
  // Losing the race for the slot wastes an id; that happens once in a lifetime of a name at most.
  uint32_t number = next_.load(std::memory_order_relaxed);
  do {
    if (number > names_max_) return {};
  } while (!next_.compare_exchange_weak(number, number + 1, std::memory_order_acq_rel));

  uint64_t hash = hash_text(text, static_cast<uint64_t>(kind) + 1);
  Entry* fresh = make_entry(hash, kind, text, label_key);
  fresh->id = {number};
  for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
    Entry* seen = slots_.get()[at].load(std::memory_order_acquire);
    if (seen == nullptr) {
      // Readable by id before it can be found by text.
      slot_of({number}).store(fresh, std::memory_order_release);
      if (slots_.get()[at].compare_exchange_strong(seen, fresh, std::memory_order_acq_rel)) {
        return fresh->id;
      }
      slot_of({number}).store(nullptr, std::memory_order_release);
    }
    if (seen->hash == hash && seen->kind == kind && seen->text() == text) {
      ::operator delete(fresh);
      return seen->id;
    }
  }
}

}  // namespace berth::core
