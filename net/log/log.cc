#include "net/log/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <memory>

#include <uv.h>

namespace berth::net::log {
namespace {

std::atomic<Level> g_level{Level::Off};
bool g_json = false;
// Never destroyed: threads may log until the very end.
spdlog::logger* g_logger = nullptr;
thread_local const char* t_thread = "main";

constexpr std::array<const char*, 5> kLevels = {"debug", "info", "warning", "error", "off"};
constexpr std::array<const char*, 3> kFormats = {"auto", "text", "json"};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug: return spdlog::level::debug;
    case Level::Info: return spdlog::level::info;
    case Level::Warning: return spdlog::level::warn;
    case Level::Error: return spdlog::level::err;
    case Level::Off: break;
  }
  return spdlog::level::off;
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
}

bool needs_quotes(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return text.empty();
}

}  // namespace

void start(Level level, Format format) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  g_json = format == Format::Json || (format == Format::Auto && !terminal);
  spdlog::sink_ptr sink;
  if (terminal && !g_json) {
    sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  sink->set_pattern(
      g_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
             : "%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
  delete g_logger;
  g_logger = new spdlog::logger("berth", std::move(sink));
  g_logger->set_level(to_spdlog(level));
  g_logger->flush_on(spdlog::level::trace);
  g_level.store(level, std::memory_order_relaxed);
}

void name_thread(const char* name) {
  t_thread = name;
}

bool enabled(Level level) {
  return level >= g_level.load(std::memory_order_relaxed);
}

bool Site::admit(uint64_t& suppressed) {
  const int64_t now_ms = static_cast<int64_t>(uv_hrtime() / 1'000'000);
  int64_t start_ms = window_start_ms_.load(std::memory_order_relaxed);
  // Two threads may both open the window; then it admits a few more. Nothing else depends on it.
  if (now_ms - start_ms >= kWindowMs) {
    window_start_ms_.store(now_ms, std::memory_order_relaxed);
    in_window_.store(0, std::memory_order_relaxed);
  }
  if (in_window_.fetch_add(1, std::memory_order_relaxed) >= kBurst) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

std::string format_text(std::string_view message, std::initializer_list<Field> fields) {
  std::string line(t_thread);
  line += ": ";
  append_escaped(line, message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    const bool quotes = needs_quotes(field.value);
    if (quotes) line += '"';
    append_escaped(line, field.value);
    if (quotes) line += '"';
  }
  return line;
}

std::string format_json(std::string_view message, std::initializer_list<Field> fields) {
  std::string line = R"("thread":")";
  line += t_thread;
  line += R"(","message":")";
  append_escaped(line, message);
  line += '"';
  for (const Field& field : fields) {
    line += ",\"";
    line += field.key;
    line += "\":";
    if (!field.number) line += '"';
    append_escaped(line, field.value);
    if (!field.number) line += '"';
  }
  return line;
}

void write(Site& site, Level level, std::string_view message, std::initializer_list<Field> fields) {
  uint64_t suppressed = 0;
  if (g_logger == nullptr || !site.admit(suppressed)) return;
  std::string line = g_json ? format_json(message, fields) : format_text(message, fields);
  if (suppressed > 0) {
    line += g_json ? ",\"suppressed\":" : " suppressed=";
    line += std::to_string(suppressed);
  }
  g_logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

bool parse_level(std::string_view text, Level& level) {
  for (size_t i = 0; i < kLevels.size(); ++i) {
    if (text != kLevels[i]) continue;
    level = static_cast<Level>(i);
    return true;
  }
  return false;
}

bool parse_format(std::string_view text, Format& format) {
  for (size_t i = 0; i < kFormats.size(); ++i) {
    if (text != kFormats[i]) continue;
    format = static_cast<Format>(i);
    return true;
  }
  return false;
}

const char* level_name(Level level) {
  return kLevels[static_cast<size_t>(level)];
}
const char* format_name(Format format) {
  return kFormats[static_cast<size_t>(format)];
}

}  // namespace berth::net::log
