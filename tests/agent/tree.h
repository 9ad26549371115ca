#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace berth::agent {

/// A directory of its own that is removed at the end; kernel files are written below it.
class Tree {
 public:
  Tree() {
    std::string pattern = std::filesystem::temp_directory_path() / "berth-test-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~Tree() { std::filesystem::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Tree& write(const std::string& path, const std::string& text) {
    std::filesystem::path full = root_ / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
    return *this;
  }
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace berth::agent
