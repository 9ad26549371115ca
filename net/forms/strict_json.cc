#include "net/forms/strict_json.h"

#include <algorithm>
#include <set>
#include <vector>

namespace berth::forms {

namespace {

/// Follows the parser into objects and lists, and knows where it is.
class Keys {
 public:
  /// Where a key is there for the second time; empty: nowhere yet.
  std::string twice;

  bool on(Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start: open(event == Event::array_start); break;
      case Event::object_end:
      case Event::array_end: levels_.pop_back(); break;
      case Event::key: add(parsed.get<std::string>()); break;
      case Event::value: count(); break;
    }
    return true;
  }

 private:
  struct Level {
    bool list = false;
    size_t items = 0;
    std::string key;
    std::set<std::string> keys;
  };

  void open(bool list) {
    count();
    levels_.emplace_back().list = list;
  }
  void count() {
    if (!levels_.empty()) ++levels_.back().items;
  }
  void add(const std::string& key) {
    levels_.back().key = key;
    if (!levels_.back().keys.insert(key).second && twice.empty())
      twice = place() + " has '" + key + "' twice";
  }

  std::string place() const {
    std::string place;
    for (size_t i = 0; i + 1 < levels_.size(); ++i) {
      const Level& level = levels_[i];
      if (level.list) {
        place += "[" + std::to_string(level.items - 1) + "]";
      } else {
        place += (place.empty() ? "" : ".") + level.key;
      }
    }
    return place.empty() ? "the outermost object" : place;
  }

  std::vector<Level> levels_;
};

std::string syntax_problem(std::string_view text, size_t byte) {
  const size_t at = std::min(byte == 0 ? 0 : byte - 1, text.size());
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t column = at - (before.rfind('\n') + 1);  // npos + 1 is 0
  std::string what = "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
  if (at == text.size()) return what + ": it ends too early";
  const auto byte_there = static_cast<unsigned char>(text[at]);
  if (byte_there < ' ' || byte_there > '~') return what + ": a byte that does not belong there";
  return what + ": '" + text[at] + "' does not belong there";
}

}  // namespace

bool parse_strict_json(std::string_view text, Json& value, std::string& problem) {
  Keys keys;
  try {
    value = Json::parse(text, [&keys](int, Json::parse_event_t event, Json& parsed) {
      return keys.on(event, parsed);
    });
  } catch (const Json::parse_error& error) {
    problem = syntax_problem(text, error.byte);
    return false;
  } catch (const Json::exception&) {
    problem = "a number in it is larger than any that can be kept";
    return false;
  }
  problem = keys.twice;
  return problem.empty();
}

}  // namespace berth::forms
