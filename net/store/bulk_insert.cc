#include "net/store/bulk_insert.h"

#include <string>

namespace berth::net {

bool BulkInsert::prepare(Database& database, const char* into, int columns) {
  columns_ = columns;
  std::string row = "(?";
  for (int i = 1; i < columns; ++i)
    row += ", ?";
  row += ")";
  for (size_t which = 0; which < kRows.size(); ++which) {
    std::string sql = std::string(into) + " VALUES " + row;
    for (size_t i = 1; i < kRows[which]; ++i)
      sql += ", " + row;
    if (!statements_[which].prepare(database, sql.c_str())) return false;
  }
  return true;
}

void BulkInsert::finalize() {
  for (Statement& statement : statements_)
    statement.finalize();
}

}  // namespace berth::net
