#pragma once

#include <array>
#include <cstddef>

#include "net/store/sqlite_handle.h"

namespace berth::net {

/// Inserts many rows with few statements. A statement for many rows has one beginning, one search
/// for the end of the table and one end: a third less for each row.
///
/// Threads  as the database
/// Errors   false, and the database says why
class BulkInsert {
 public:
  /// Rows of one statement at most: so long what is bound has to live.
  static constexpr size_t kRowsMax = 16;

  /// `into` is an INSERT up to its VALUES, for so many columns.
  bool prepare(Database& database, const char* into, int columns);
  void finalize();

  /// Calls `bind(statement, first parameter, i)` for every row from 0 on.
  template <typename Bind>
  bool run(size_t rows, Bind&& bind) {
    for (size_t i = 0; i < rows;) {
      size_t which = 0;
      while (kRows[which] > rows - i)
        ++which;
      Statement& to = statements_[which];
      int at = 1;
      for (const size_t end = i + kRows[which]; i < end; ++i, at += columns_)
        bind(to, at, i);
      if (!to.run()) return false;
    }
    return true;
  }

 private:
  static constexpr std::array<size_t, 3> kRows = {kRowsMax, 4, 1};

  int columns_ = 0;
  std::array<Statement, kRows.size()> statements_;
};

}  // namespace berth::net
