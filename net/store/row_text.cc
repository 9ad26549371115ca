#include "net/store/row_text.h"

#include <charconv>

#include <nlohmann/json.hpp>

namespace berth::net {
namespace {

// By hand: a library's tree of objects costs more than writing the row.
void append_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_number(std::string& out, uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

/// The number at the start of `text`, which is cut off.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

void labels_text(std::span<const wire::Label> labels, std::string& out) {
  out.clear();
  for (const wire::Label& label : labels) {
    out += out.empty() ? '{' : ',';
    append_string(out, label.key);
    out += ':';
    append_string(out, label.value);
  }
  if (!out.empty()) out += '}';
}

void gpus_text(std::span<const uint16_t> gpus, std::string& out) {
  out.clear();
  for (const uint16_t gpu : gpus) {
    out += out.empty() ? '[' : ',';
    append_number(out, gpu);
  }
  if (!out.empty()) out += ']';
}

void outputs_text(std::span<const wire::OutputFile> outputs, std::string& out) {
  out.clear();
  for (const wire::OutputFile& file : outputs) {
    out += out.empty() ? "[{\"name\":" : ",{\"name\":";
    append_string(out, file.name);
    out += ",\"path\":";
    append_string(out, file.path);
    out += ",\"bytes\":";
    append_number(out, file.bytes);
    out += ",\"sha256\":";
    append_string(out, file.sha256);
    out += file.truncated ? ",\"truncated\":true}" : "}";
  }
  if (!out.empty()) out += ']';
}

void ranges_text(std::span<const wire::JobRange> ranges, std::string& out) {
  out.clear();
  for (const wire::JobRange& range : ranges) {
    if (!out.empty()) out += ',';
    append_number(out, range.first.value);
    if (range.last == range.first) continue;
    out += '-';
    append_number(out, range.last.value);
  }
}

bool read_gpus(std::string_view text, std::vector<uint16_t>& gpus) {
  gpus.clear();
  if (text.empty()) return true;
  if (!take(text, '[')) return false;
  do {
    uint16_t gpu = 0;
    if (!take_number(text, gpu)) return false;
    gpus.push_back(gpu);
  } while (take(text, ','));
  return text == "]";
}

bool read_outputs(std::string_view text, OutputList& outputs) {
  outputs.files.clear();
  outputs.strings.clear();
  if (text.empty()) return true;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return false;
  outputs.strings.reserve(json.size() * 3);  // they are pointed to: no growing
  const auto keep = [&](const nlohmann::json& file, const char* key) -> wire::Text {
    const auto at = file.find(key);
    if (at == file.end() || !at->is_string()) return {};
    return outputs.strings.emplace_back(at->get_ref<const std::string&>());
  };
  for (const nlohmann::json& file : json) {
    if (!file.is_object()) return false;
    const auto bytes = file.find("bytes");
    outputs.files.push_back(
        {.name = keep(file, "name"),
         .path = keep(file, "path"),
         .bytes = bytes != file.end() && bytes->is_number() ? bytes->get<uint64_t>() : 0,
         .sha256 = keep(file, "sha256"),
         .truncated = file.contains("truncated")});
  }
  return true;
}

bool read_ranges(std::string_view text, std::vector<wire::JobRange>& ranges) {
  ranges.clear();
  if (text.empty()) return true;
  do {
    wire::JobRange range;
    if (!take_number(text, range.first.value)) return false;
    range.last = range.first;
    if (take(text, '-') && !take_number(text, range.last.value)) return false;
    ranges.push_back(range);
  } while (take(text, ','));
  return text.empty();
}

}  // namespace berth::net
