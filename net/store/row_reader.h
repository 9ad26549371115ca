#pragma once

#include <string>

#include "core/jobs/records.h"
#include "net/store/spec_book.h"
#include "net/store/sqlite_handle.h"

namespace berth::net {

/// How many events a restarted server is told, the youngest.
inline constexpr int kEventsRead = 65'536;

/// Rows back to records, in the order that StoreReader documents; the count of starts is the
/// caller's to tell.
///
/// Threads  as the database
/// Errors   false: `problem` ends the sentence "the store '…' "
bool read_rows(
    Database& database, SpecBook& specs, core::StoreReader& reader, std::string& problem);

}  // namespace berth::net
