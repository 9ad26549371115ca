#include "net/store/sqlite_handle.h"

#include <cstring>

namespace berth::net {
namespace {

// Its statistics of memory cost a lock for every allocation. False: somebody uses SQLite already;
// then it works as it is.
const bool g_without_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK;

}  // namespace

bool Database::open(const std::string& path, const char* vfs) {
  close();
  (void)g_without_statistics;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  return sqlite3_open_v2(path.c_str(), &handle_, flags, vfs) == SQLITE_OK;
}

void Database::close() {
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

bool Database::execute(const char* sql) {
  return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

bool Database::ask(const char* sql, int64_t& value) {
  Statement statement;
  if (!statement.prepare(*this, sql) || statement.step() != Statement::Row::Here) return false;
  value = statement.number(0);
  return true;
}

bool Database::ask(const char* sql, std::string& value) {
  Statement statement;
  if (!statement.prepare(*this, sql) || statement.step() != Statement::Row::Here) return false;
  value = statement.text(0);
  return true;
}

std::string Database::why() const {
  if (handle_ == nullptr) return "out of memory";
  std::string text = sqlite3_errmsg(handle_);
  const int kind = sqlite3_errcode(handle_) & 0xff;
  const bool of_system = kind == SQLITE_IOERR || kind == SQLITE_FULL || kind == SQLITE_CANTOPEN;
  const int number = sqlite3_system_errno(handle_);
  if (of_system && number != 0) text += std::string(" (") + std::strerror(number) + ")";
  return text;
}

bool Database::damaged() const {
  const int kind = handle_ == nullptr ? SQLITE_NOMEM : sqlite3_errcode(handle_) & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

bool Statement::prepare(Database& database, const char* sql) {
  finalize();
  return sqlite3_prepare_v3(
             database.raw(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) == SQLITE_OK;
}

}  // namespace berth::net
