#include "net/store/spec_book.h"

#include <cstring>

namespace berth::net {

bool SpecBook::prepare(Database& database) {
  Statement all;
  if (!all.prepare(database, "SELECT id, last_id FROM specs")) return false;
  Statement::Row row;
  while ((row = all.step()) == Statement::Row::Here) {
    const wire::JobId id = {static_cast<uint64_t>(all.number(0))};
    last_of_[id] = {static_cast<uint64_t>(all.number(1))};
  }
  return row == Statement::Row::End &&
         insert_.prepare(database, "INSERT OR REPLACE INTO specs VALUES (?1, ?2, ?3)") &&
         select_.prepare(database, "SELECT spec FROM specs WHERE id = ?1") &&
         any_left_.prepare(database, "SELECT 1 FROM jobs WHERE id BETWEEN ?1 AND ?2 LIMIT 1") &&
         remove_.prepare(database, "DELETE FROM specs WHERE id = ?1");
}

void SpecBook::finalize() {
  insert_.finalize();
  select_.finalize();
  any_left_.finalize();
  remove_.finalize();
}

bool SpecBook::keep(wire::JobId id, wire::JobId last, std::span<const std::byte> spec) {
  if (cached_ == id) cached_ = {};
  last_of_[id] = last;
  insert_.number(1, static_cast<int64_t>(id.value));
  insert_.number(2, static_cast<int64_t>(last.value));
  insert_.blob(3, spec);
  return insert_.run();
}

bool SpecBook::find(wire::JobId id, std::span<const std::byte>& spec) {
  if (cached_ != id) {
    select_.number(1, static_cast<int64_t>(id.value));
    const Statement::Row row = select_.step();
    if (row == Statement::Row::Failed) return false;
    const std::span<const std::byte> bytes =
        row == Statement::Row::Here ? select_.blob(0) : std::span<const std::byte>();
    cache_.resize((bytes.size() + 7) / 8);
    if (!bytes.empty()) std::memcpy(cache_.data(), bytes.data(), bytes.size());
    cache_bytes_ = bytes.size();
    cached_ = id;
    select_.reset();
  }
  spec = std::as_bytes(std::span(cache_)).first(cache_bytes_);
  return true;
}

void SpecBook::on_dropped(wire::JobId job) {
  auto at = last_of_.upper_bound(job);
  if (at == last_of_.begin()) return;
  --at;
  if (at->second >= job) touched_.insert(at->first);
}

bool SpecBook::sweep() {
  for (const wire::JobId id : touched_) {
    const auto at = last_of_.find(id);
    any_left_.number(1, static_cast<int64_t>(id.value));
    any_left_.number(2, static_cast<int64_t>(at->second.value));
    const Statement::Row row = any_left_.step();
    any_left_.reset();
    if (row == Statement::Row::Failed) return false;
    if (row == Statement::Row::Here) continue;
    remove_.number(1, static_cast<int64_t>(id.value));
    if (!remove_.run()) return false;
    last_of_.erase(at);
    if (cached_ == id) cached_ = {};
  }
  touched_.clear();
  return true;
}

}  // namespace berth::net
