#pragma once

#include <cstdint>
#include <string>

#include "net/store/sqlite_handle.h"

namespace berth::net {

/// `PRAGMA user_version` of the tables that this program writes.
inline constexpr int64_t kSchemaVersion = 4;
/// `PRAGMA application_id`: "Bert" in ASCII, so that a file of another program is not taken for
/// ours.
inline constexpr int64_t kApplicationId = 0x42657274;

/// The tables of docs/store.md in an empty file, at the newest version.
bool create_schema(Database& database);

/// Whether the file is a store of a version that this program knows; `version` is set. On false,
/// `problem` ends the sentence "the store '…' ".
bool check_schema(Database& database, int64_t& version, std::string& problem);

/// From `version` to the newest, a transaction for each step, so that a crash in between repeats
/// that step alone. It must be called with a `version` that check_schema passed.
bool migrate_schema(Database& database, int64_t version);

}  // namespace berth::net
