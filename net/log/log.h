#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

/// What operators read: one line for each event on stderr, as text or as JSON.
///
/// Threads  any, once `start` has returned
/// Errors   a line that cannot be written is dropped
namespace berth::net::log {

enum class Level : uint8_t { Debug, Info, Warning, Error, Off };
enum class Format : uint8_t { Auto, Text, Json };  ///< Auto: text on a terminal, else JSON

/// Call once, before the first thread is started. Until then nothing is logged.
void start(Level level, Format format);

/// Shown with every line of the calling thread; a literal.
void name_thread(const char* name);

bool enabled(Level level);

/// `key=value` behind the message.
struct Field {
  std::string_view key;
  std::string value;
  bool number = false;

  Field(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  Field(std::string_view field_key, const char* text) : key(field_key), value(text) {}
  Field(std::string_view field_key, const std::string& text) : key(field_key), value(text) {}
  template <std::integral Number>
  Field(std::string_view field_key, Number n)
      : key(field_key), value(std::to_string(n)), number(true) {}
};

/// One place in the source that logs: at most `kBurst` lines in `kWindowMs`, the rest is counted
/// and told with the next line that may pass.
class Site {
 public:
  static constexpr uint32_t kBurst = 10;
  static constexpr int64_t kWindowMs = 10'000;

  /// Whether the line may be written; then `suppressed` says how many before it were not.
  bool admit(uint64_t& suppressed);

 private:
  std::atomic<int64_t> window_start_ms_{-kWindowMs};
  std::atomic<uint32_t> in_window_{0};
  std::atomic<uint64_t> suppressed_{0};
};

void write(
    Site& site, Level level, std::string_view message, std::initializer_list<Field> fields = {});

/// The line as `write` makes it, less time and level. Exposed for tests.
std::string format_text(std::string_view message, std::initializer_list<Field> fields);
std::string format_json(std::string_view message, std::initializer_list<Field> fields);

/// `debug`, `info`, `warning`, `error`, `off`; `auto`, `text`, `json`. False for anything else.
bool parse_level(std::string_view text, Level& level);
bool parse_format(std::string_view text, Format& format);
const char* level_name(Level level);
const char* format_name(Format format);

}  // namespace berth::net::log

/// BERTH_LOG(Warning, "no file descriptors left", {{"limit", limit}}): rate-limited for this place.
/// The fields are not even made when the level is off.
#define BERTH_LOG(level, ...)                                                                 \
  do {                                                                                        \
    if (::berth::net::log::enabled(::berth::net::log::Level::level)) {                        \
      static ::berth::net::log::Site berth_log_site;                                          \
      ::berth::net::log::write(berth_log_site, ::berth::net::log::Level::level, __VA_ARGS__); \
    }                                                                                         \
  } while (false)
