#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace berth::net {

/// Ends a sentence about a file that cannot be trusted.
inline constexpr const char* kRemedyForDamage =
    "; restore a backup of it, or move it and what is beside it (-wal, -shm) away to start empty";

/// One connection to a SQLite file.
///
/// Threads  one at a time; the connection has no lock of its own
/// Errors   false, and `why` says what SQLite and the system say of it
class Database {
 public:
  Database() = default;
  ~Database() { close(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// The file must be there. `vfs` null: SQLite's default one.
  bool open(const std::string& path, const char* vfs);
  /// Statements must be gone.
  void close();

  /// Statements without results.
  bool execute(const char* sql);
  /// The first column of the first row; false on an error or when there is none.
  bool ask(const char* sql, int64_t& value);
  bool ask(const char* sql, std::string& value);

  /// Of the last call that failed: `disk I/O error (No space left on device)`.
  std::string why() const;
  /// Whether it failed because the file is not a sound database.
  bool damaged() const;

  sqlite3* raw() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

/// A prepared statement, used again and again.
///
/// Memory   bound text and blobs are borrowed until the next `run` or `reset` has returned
class Statement {
 public:
  Statement() = default;
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool prepare(Database& database, const char* sql);
  void finalize() {
    sqlite3_finalize(handle_);
    handle_ = nullptr;
  }

  // Parameters count from 1 and keep their value until they are bound again.
  void number(int at, int64_t value) { sqlite3_bind_int64(handle_, at, value); }
  void real(int at, double value) { sqlite3_bind_double(handle_, at, value); }
  void null(int at) { sqlite3_bind_null(handle_, at); }
  /// 0 is stored as NULL: "none" or "not yet".
  void number_or_null(int at, int64_t value) { value == 0 ? null(at) : number(at, value); }
  void text(int at, std::string_view value) {
    const char* data = value.data() != nullptr ? value.data() : "";  // null would be NULL
    sqlite3_bind_text(handle_, at, data, static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void text_or_null(int at, std::string_view value) { value.empty() ? null(at) : text(at, value); }
  void blob(int at, std::span<const std::byte> value) {
    sqlite3_bind_blob64(handle_, at, value.data(), value.size(), SQLITE_STATIC);
  }

  /// To its end, for statements without rows.
  bool run() {
    const int result = sqlite3_step(handle_);
    sqlite3_reset(handle_);
    return result == SQLITE_DONE;
  }

  enum class Row { Here, End, Failed };
  Row step() {
    const int result = sqlite3_step(handle_);
    return result == SQLITE_ROW ? Row::Here : result == SQLITE_DONE ? Row::End : Row::Failed;
  }
  void reset() { sqlite3_reset(handle_); }

  // Columns count from 0; NULL reads as 0 or empty. Valid until the next step.
  int64_t number(int column) const { return sqlite3_column_int64(handle_, column); }
  double real(int column) const { return sqlite3_column_double(handle_, column); }
  std::string_view text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return {data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
  }
  std::span<const std::byte> blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
    return {data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
  }

 private:
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace berth::net
