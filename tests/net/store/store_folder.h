#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "net/store/sqlite_handle.h"

namespace berth::net {

/// A folder of its own for a test's store, gone after it.
struct StoreFolder {
  StoreFolder() {
    std::string name = testing::TempDir() + "berth-store-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~StoreFolder() { std::filesystem::remove_all(path); }
  StoreFolder(const StoreFolder&) = delete;
  StoreFolder& operator=(const StoreFolder&) = delete;

  std::string file(const std::string& name = "berth.db") const { return path + "/" + name; }

  /// What sqlite3 would say to a person: the first column of the first row.
  std::string ask(const std::string& sql, const std::string& name = "berth.db") const {
    Database database;
    std::string value;
    EXPECT_TRUE(database.open(file(name), nullptr)) << database.why();
    EXPECT_TRUE(database.ask(sql.c_str(), value)) << sql << ": " << database.why();
    return value;
  }
  void execute(const std::string& sql, const std::string& name = "berth.db") const {
    Database database;
    EXPECT_TRUE(database.open(file(name), nullptr)) << database.why();
    EXPECT_TRUE(database.execute(sql.c_str())) << sql << ": " << database.why();
  }

  std::string path;
};

}  // namespace berth::net
