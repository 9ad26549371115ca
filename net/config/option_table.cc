#include "net/config/option_table.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <sstream>

#include <CLI/CLI.hpp>

#include "net/text/units.h"
#include "net/text/whole_file.h"

namespace berth::net {
namespace {

constexpr const char* kConfigHelp = "read settings from this TOML file";

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// A problem is one line, whatever the value it quotes or the library's own sentence holds.
bool fail(std::string& problem, std::string text) {
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  problem = std::move(text);
  return false;
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (is_control(c)) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// The text a value would have been written with as a flag.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* number = node.as_floating_point()) {
    std::ostringstream out;
    out << number->get();
    return out.str();
  }
  return std::nullopt;
}

}  // namespace

std::string option_key(std::string_view name) {
  std::string key(name);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

std::string option_variable(std::string_view name) {
  std::string variable = "BERTH_" + option_key(name);
  for (char& c : variable)
    c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return variable;
}

OptionTable::OptionTable(std::string program, std::string about, std::string examples)
    : program_(std::move(program)), about_(std::move(about)), examples_(std::move(examples)) {}

bool OptionTable::load(
    const std::vector<std::string>& arguments,
    const Environment& environment,
    Action& action,
    std::string& problem) {
  std::map<std::string, std::string> flags;
  if (!read_flags(arguments, flags, action, problem)) return false;
  if (action == Action::Help || action == Action::Version) return true;

  const char* variable = environment("BERTH_CONFIG");
  const std::string path =
      flags.contains("config") ? flags["config"] : std::string(variable ? variable : "");
  const bool named = flags.contains("config") || !path.empty();
  if (named && !load_file(path, problem)) return false;
  for (Option& option : options_) {
    const std::string name = option_variable(option.name);
    if (const char* text = environment(name.c_str())) {
      if (!apply(option, text, name, problem)) return false;
    }
  }
  for (Option& option : options_) {
    const auto flag = flags.find(option.name);
    if (flag == flags.end()) continue;
    if (!apply(option, flag->second, "--" + option.name, problem)) return false;
  }
  return true;
}

bool OptionTable::read_flags(
    const std::vector<std::string>& arguments,
    std::map<std::string, std::string>& flags,
    Action& action,
    std::string& problem) {
  CLI::App app(about_, program_);
  app.footer(examples_);
  app.set_help_flag("-h,--help", "print this and exit");
  app.allow_extras();
  const auto store = [&](const std::string& name, bool is_switch) {
    return [&flags, name, is_switch](const std::string& text) {
      flags[name] = is_switch && text.empty() ? "true" : text;  // a switch without its value
    };
  };
  app.add_option_function<std::string>("--config", store("config", false), kConfigHelp)
      ->type_name("FILE");
  for (const Option& option : options_) {
    const std::string value = option.get();
    const std::string help = option.help + (value.empty() ? "" : " [" + value + "]");
    CLI::Option* flag = app.add_option_function<std::string>(
                               "--" + option.name, store(option.name, option.value.empty()), help)
                            ->type_name(option.value);
    // A switch may go without its value.
    if (option.value.empty()) flag->expected(0, 1)->type_name("[true|false]");
  }
  bool check = false;
  bool print = false;
  bool version = false;
  app.add_flag("--check-config", check, "check the configuration, print what is in force, exit");
  app.add_flag("--print-config", print, "print what is in force and from where, exit");
  app.add_flag("--version", version, "print the version and exit");
  help_ = app.help();
  try {
    // CLI11 takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    action = Action::Help;
    return true;
  } catch (const CLI::ParseError& error) {
    return fail(problem, std::string(error.what()) + "; see --help");
  }
  const std::vector<std::string> extras = app.remaining();
  if (!extras.empty()) {
    const std::string& word = extras.front();
    if (!word.starts_with("-"))
      return fail(problem, "unexpected " + in_quotes(word) + "; see --help");
    return fail(problem, "unknown flag " + in_quotes(word) + suggest(word, true));
  }
  action = version ? Action::Version
           : check ? Action::CheckConfig
           : print ? Action::PrintConfig
                   : Action::Run;
  return true;
}

bool OptionTable::load_file(const std::string& path, std::string& problem) {
  std::string text;
  if (!read_whole_file(path, text, problem)) {
    return fail(problem, "--config " + problem + "; name a readable file");
  }
  return load_text(text, path, problem);
}

bool OptionTable::load_text(std::string_view text, const std::string& path, std::string& problem) {
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    const auto line = std::to_string(error.source().begin.line);
    return fail(problem, path + ":" + line + ": " + std::string(error.description()));
  }
  for (const auto& [key, node] : table) {
    const std::string where =
        path + ":" + std::to_string(key.source().begin.line) + ": " + std::string(key.str());
    Option* option = find_key(key.str());
    if (option == nullptr)
      return fail(problem, where + " is no setting" + suggest(key.str(), false));
    const std::optional<std::string> value = scalar_text(node);
    if (!value) return fail(problem, where + " must be one value, such as " + option->get());
    if (!apply(*option, *value, where, problem)) return false;
  }
  return true;
}

bool OptionTable::apply(
    Option& option, std::string_view text, const std::string& where, std::string& problem) {
  std::string expected;
  if (!option.set(text, expected)) {
    return fail(problem, where + " " + in_quotes(text) + " " + expected);
  }
  option.source = where;
  return true;
}

Option* OptionTable::find_key(std::string_view key) {
  for (Option& option : options_) {
    if (option_key(option.name) == key) return &option;
  }
  return nullptr;
}

std::string OptionTable::suggest(std::string_view word, bool as_flag) const {
  std::vector<std::string> names;
  for (const Option& option : options_) {
    names.push_back(as_flag ? "--" + option.name : option_key(option.name));
  }
  if (as_flag) names.insert(names.end(), {"--config", "--check-config", "--print-config"});
  const std::string_view near =
      nearest_word(word, std::vector<std::string_view>(names.begin(), names.end()));
  if (near.empty()) return "; see --help for all";
  return "; did you mean " + in_quotes(near) + "?";
}

std::string OptionTable::print() const {
  size_t width = 0;
  std::vector<std::string> lines;
  for (const Option& option : options_) {
    const std::string value = option.get();
    const bool truth = value == "true" || value == "false";
    const std::optional<uint64_t> count = parse_count(value);
    // Names may have digits only, and TOML's numbers do not begin with 0.
    const bool bare = truth || (count && std::to_string(*count) == value);
    lines.push_back(option_key(option.name) + " = " + (bare ? value : toml_string(value)));
    width = std::max(width, lines.back().size());
  }
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    out +=
        lines[i] + std::string(width - lines[i].size(), ' ') + "  # " + options_[i].source + "\n";
  }
  return out;
}

}  // namespace berth::net
