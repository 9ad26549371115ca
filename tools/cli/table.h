#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth::cli {

/// Columns that line up, as wide as their widest cell; two blanks between them.
///
/// Units    widths are characters as a terminal shows them: one for each UTF-8 code point
/// Errors   control characters in a cell are shown as `?`, so that a name cannot drive the terminal
class Table {
 public:
  enum class Align : uint8_t { Left, Right };
  struct Column {
    std::string name;
    Align align = Align::Left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns.
  void add(std::vector<std::string> cells);

  /// `bold_header` only where a terminal reads it. No trailing blanks.
  std::string text(bool bold_header = false) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` without control characters.
std::string printable(const std::string& text);

/// `a,b,c`.
std::string joined(const std::vector<std::string>& words, const char* separator = ",");

}  // namespace berth::cli
