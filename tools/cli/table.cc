#include "tools/cli/table.h"

#include <algorithm>

namespace berth::cli {
namespace {

size_t width_of(const std::string& text) {
  // Bytes 10xxxxxx continue a code point.
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void append_cell(
    std::string& line, const std::string& cell, size_t width, Table::Align align, bool last) {
  const std::string blanks(width - std::min(width, width_of(cell)), ' ');
  if (align == Table::Align::Right) line += blanks;
  line += cell;
  if (last) return;
  if (align == Table::Align::Left) line += blanks;
  line += "  ";
}

}  // namespace

std::string printable(const std::string& text) {
  std::string shown = text;
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return shown;
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : separator) + word;
  return text;
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells)
    cell = printable(cell);
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool bold_header) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = width_of(columns_[i].name);
    for (const std::vector<std::string>& row : rows_)
      width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  std::string text = bold_header ? "\033[1m" : "";
  const auto append_line = [&](const auto& cell_of) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      append_cell(line, cell_of(i), widths[i], columns_[i].align, i + 1 == columns_.size());
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  append_line([this](size_t i) { return columns_[i].name; });
  if (bold_header) text.insert(text.size() - 1, "\033[0m");
  for (const std::vector<std::string>& row : rows_)
    append_line([&row](size_t i) { return row[i]; });
  return text;
}

}  // namespace berth::cli
