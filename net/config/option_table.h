#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::net {

/// One setting of a program. Its one name serves as flag `--max-workers`, as variable
/// `BERTH_MAX_WORKERS` and as key `max_workers` of the file.
struct Option {
  std::string name;
  std::string value;  ///< what stands for the value in the help; empty: a switch, true or false
  std::string help;
  /// Takes the text. False: `problem` says what the value has to be.
  std::function<bool(std::string_view text, std::string& problem)> set;
  /// The value in force, as `set` would take it.
  std::function<std::string()> get;
  std::string source = "default";
};

/// The settings of a program and where each comes from: flag, then environment, then file, then
/// default.
///
/// Threads  before any is started
/// Errors   false with one sentence that names place, value and remedy
class OptionTable {
 public:
  enum class Action { Run, CheckConfig, PrintConfig, Help, Version };
  using Environment = std::function<const char*(const char* name)>;

  /// `about` is the first line of the help, `examples` its end.
  OptionTable(std::string program, std::string about, std::string examples);

  void add(Option option) { options_.push_back(std::move(option)); }

  /// Reads all sources in order of increasing weight; `--config` and `BERTH_CONFIG` name the file.
  bool load(
      const std::vector<std::string>& arguments,
      const Environment& environment,
      Action& action,
      std::string& problem);

  /// A file's text alone; `path` is for sentences.
  bool load_text(std::string_view text, const std::string& path, std::string& problem);

  /// A file that sets what is in force, each line with its source.
  std::string print() const;
  const std::string& help() const { return help_; }

 private:
  bool read_flags(
      const std::vector<std::string>& arguments,
      std::map<std::string, std::string>& flags,
      Action& action,
      std::string& problem);
  bool load_file(const std::string& path, std::string& problem);
  bool apply(Option& option, std::string_view text, const std::string& where, std::string& problem);
  Option* find_key(std::string_view key);
  std::string suggest(std::string_view word, bool as_flag) const;

  const std::string program_;
  const std::string about_;
  const std::string examples_;
  std::string help_;
  std::vector<Option> options_;
};

/// `max-workers` to `max_workers` and `BERTH_MAX_WORKERS`.
std::string option_key(std::string_view name);
std::string option_variable(std::string_view name);

}  // namespace berth::net
