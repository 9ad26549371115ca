#include "net/forms/job_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "net/text/units.h"

namespace berth::forms {
namespace {

using Kind = JobField::Kind;

// ---- One job
// --------------------------------------------------------------------------------------

const JobField* find_field(std::string_view key) {
  for (const JobField& field : job_fields()) {
    if (field_key(field.name) == key) return &field;
  }
  return nullptr;
}

std::string unknown_key(const std::string& key) {
  std::vector<std::string> keys{"command", "job"};
  for (const JobField& field : job_fields())
    keys.push_back(field_key(field.name));
  const std::string_view nearest =
      net::nearest_word(key, std::vector<std::string_view>(keys.begin(), keys.end()));
  return "unknown key '" + key + "'" +
         (nearest.empty() ? "; docs/jobs.md lists the keys"
                          : "; did you mean '" + std::string(nearest) + "'?");
}

/// A value that stands for itself, as a flag would spell it; false for lists and tables.
bool scalar_text(const Json& value, std::string& text) {
  if (value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_boolean() || value.is_number_integer() || value.is_number_float()) {
    text = value.dump();
  } else {
    return false;
  }
  return true;
}

/// Reads values into one draft; the first thing wrong stays in `problem`.
class Reader {
 public:
  explicit Reader(JobDraft& draft) : draft_(draft) {}

  bool read(const Json& object) {
    if (!object.is_object()) return fail("'" + object.dump() + "' is not a job; write an object");
    for (const auto& [key, value] : object.items()) {
      if (!take(key, value)) return false;
    }
    return true;
  }

  bool take(const std::string& key, const Json& value) {
    if (key == "command") return take_command(value);
    const JobField* field = find_field(key);
    if (field == nullptr) return fail(unknown_key(key));
    switch (field->kind) {
      case Kind::Value:
      case Kind::Switch: return take_one(*field, key, value);
      case Kind::List: return take_list(*field, key, value);
      case Kind::Table: return take_table(*field, key, value);
    }
    return false;
  }

  const std::string& problem() const { return problem_; }

 private:
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool set(const JobField& field, const std::string& key, const std::string& text) {
    const std::string problem = field.set(draft_, text);
    return problem.empty() || fail(key + ": " + problem);
  }

  bool take_command(const Json& value) {
    draft_.spec.command.clear();
    std::string word;
    for (const Json& each : value) {
      if (!value.is_array() || !each.is_string()) {
        return fail(
            "command: " + value.dump() + " is not a list of words such as [\"ls\", \"-l\"]");
      }
      draft_.spec.command.push_back(each.get<std::string>());
    }
    return true;
  }

  bool take_one(const JobField& field, const std::string& key, const Json& value) {
    std::string text;
    if (!scalar_text(value, text)) return fail(key + ": " + value.dump() + " is not one value");
    return set(field, key, text);
  }

  // A list, or its only value; a list in the list is a group, as in `any`.
  bool take_list(const JobField& field, const std::string& key, const Json& value) {
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& each : list) {
      std::string text;
      if (each.is_array()) {
        for (const Json& word : each) {
          std::string one;
          if (!scalar_text(word, one)) return fail(key + ": " + each.dump() + " is not a group");
          text += (text.empty() ? "" : "|") + one;
        }
      } else if (!scalar_text(each, text)) {
        return fail(key + ": " + value.dump() + " is not a list of words");
      }
      if (!set(field, key, text)) return false;
    }
    return true;
  }

  bool take_table(const JobField& field, const std::string& key, const Json& value) {
    if (!value.is_object()) {
      return fail(key + ": " + value.dump() + " is not a table such as { zone = \"a\" }");
    }
    // The order in which a program writes an object says nothing, and is another one next time.
    std::map<std::string, const Json*> sorted;
    for (const auto& [name, each] : value.items())
      sorted.emplace(name, &each);
    for (const auto& [name, each] : sorted) {
      std::string text;
      if (!scalar_text(*each, text)) return fail(key + "." + name + ": is not one value");
      if (!set(field, key, name + "=" + text)) return false;
    }
    return true;
  }

  JobDraft& draft_;
  std::string problem_;
};

bool add_job(
    const Json& object,
    const std::string& where,
    const JobDraft& common,
    std::vector<JobDraft>& drafts,
    std::string& problem) {
  JobDraft draft = common;
  Reader reader(draft);
  if (!reader.read(object)) {
    problem = where + reader.problem();
    return false;
  }
  if (draft.spec.command.empty() && draft.spec.image.empty()) {
    problem = where + "the job has neither command nor image; add command = [\"…\"]";
    return false;
  }
  drafts.push_back(std::move(draft));
  return true;
}

// ---- TOML
// -------------------------------------------------------------------------------------------

Json json_of(const toml::node& node) {
  if (const toml::table* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table)
      object[std::string(key.str())] = json_of(value);
    return object;
  }
  if (const toml::array* array = node.as_array()) {
    Json list = Json::array();
    for (const toml::node& each : *array)
      list.push_back(json_of(each));
    return list;
  }
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<int64_t>()) return *number;
  if (const auto number = node.value_exact<double>()) return *number;
  if (const auto truth = node.value_exact<bool>()) return *truth;
  std::ostringstream time;  // what is left is a date or a time
  node.visit([&time](const auto& value) {
    if constexpr (toml::is_value<decltype(value)>) time << value.get();
  });
  return time.str();
}

}  // namespace

bool parse_job_toml(
    std::string_view text,
    const std::string& path,
    const JobDraft& common,
    std::vector<JobDraft>& drafts,
    std::string& problem) {
  Json whole;
  try {
    whole = json_of(toml::parse(text));
  } catch (const toml::parse_error& error) {
    problem = path + ":" + std::to_string(error.source().begin.line) + ": " +
              std::string(error.description());
    return false;
  }
  if (!whole.contains("job")) return add_job(whole, path + ": ", common, drafts, problem);
  const Json jobs = whole["job"];
  whole.erase("job");
  JobDraft shared = common;
  Reader reader(shared);
  if (!reader.read(whole)) {
    problem = path + ": " + reader.problem();
    return false;
  }
  if (!jobs.is_array()) {
    problem = path + ": job: write a [[job]] table for each job";
    return false;
  }
  size_t number = 0;
  for (const Json& job : jobs) {
    const std::string where = path + ": job " + std::to_string(++number) + ": ";
    if (!add_job(job, where, shared, drafts, problem)) return false;
  }
  return true;
}

bool is_job_json(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t at = text.find_first_not_of(kBlanks);
  if (at == std::string_view::npos) return false;
  if (text[at] == '[') at = text.find_first_not_of(kBlanks, at + 1);
  return at != std::string_view::npos && text[at] == '{';
}

bool parse_job_json(
    std::string_view text,
    const std::string& path,
    const JobDraft& common,
    std::vector<JobDraft>& drafts,
    std::string& problem) {
  std::istringstream stream{std::string(text)};
  size_t number = 0;
  while (stream >> std::ws && stream.peek() != std::char_traits<char>::eof()) {
    Json value;
    try {
      stream >> value;
    } catch (const Json::parse_error& error) {
      // The library's own number of the mistake, in brackets, tells nobody anything.
      const std::string_view said = error.what();
      const size_t end = said.find("] ");
      problem = path + ": job " + std::to_string(number + 1) + ": " +
                std::string(said.substr(end == std::string_view::npos ? 0 : end + 2));
      return false;
    }
    const Json jobs = value.is_array() ? value : Json::array({value});
    for (const Json& job : jobs) {
      const std::string where = path + ": job " + std::to_string(++number) + ": ";
      if (!add_job(job, where, common, drafts, problem)) return false;
    }
  }
  if (number == 0) problem = path + ": there is no job in it; write one JSON object for each";
  return number != 0;
}

void parse_job_lines(std::string_view text, const JobDraft& common, std::vector<JobDraft>& drafts) {
  for (std::string_view line : net::split_list(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    JobDraft draft = common;
    if (draft.spec.command.empty()) draft.spec.command = {"/bin/sh", "-c"};
    draft.spec.command.emplace_back(line);
    drafts.push_back(std::move(draft));
  }
}

// ---- Order
// ------------------------------------------------------------------------------------------

namespace {

/// Where each job's `after` leads, by position; ids go into the job at once.
bool find_items(
    std::vector<JobDraft>& drafts,
    std::vector<std::vector<size_t>>& waits_for,
    std::string& problem) {
  std::map<std::string, size_t> by_name;
  std::map<std::string, int> times;
  for (size_t i = 0; i < drafts.size(); ++i) {
    by_name.emplace(drafts[i].spec.name, i);
    ++times[drafts[i].spec.name];
  }
  for (size_t i = 0; i < drafts.size(); ++i) {
    for (const std::string& word : drafts[i].after) {
      const auto named = by_name.find(word);
      const auto id = net::parse_count(word);
      if (named != by_name.end() && times[word] > 1) {
        problem = "after: " + std::to_string(times[word]) + " jobs are named '" + word +
                  "'; give each a name of its own";
        return false;
      }
      if (named != by_name.end()) {
        waits_for[i].push_back(named->second);
      } else if (id && *id != 0) {
        drafts[i].spec.depends_on.push_back(*id);
      } else {
        problem =
            "after: '" + word + "' is neither the id of a job nor the name of one submitted here";
        return false;
      }
    }
  }
  return true;
}

}  // namespace

bool resolve_after(
    std::vector<JobDraft>& drafts, std::string& problem, std::vector<uint32_t>* places) {
  const size_t count = drafts.size();
  std::vector<std::vector<size_t>> waits_for(count);
  if (!find_items(drafts, waits_for, problem)) return false;
  // Rounds over what is left, so that jobs keep the order of the file where they can.
  std::vector<uint32_t> place(count, UINT32_MAX);
  std::vector<JobDraft> ordered;
  for (size_t before = SIZE_MAX; ordered.size() != before && ordered.size() < count;) {
    before = ordered.size();
    for (size_t i = 0; i < count; ++i) {
      const bool ready = std::all_of(waits_for[i].begin(), waits_for[i].end(), [&](size_t other) {
        return place[other] != UINT32_MAX;
      });
      if (place[i] != UINT32_MAX || !ready) continue;
      place[i] = static_cast<uint32_t>(ordered.size());
      for (const size_t other : waits_for[i])
        drafts[i].spec.depends_on_items.push_back(place[other]);
      ordered.push_back(std::move(drafts[i]));
    }
  }
  if (ordered.size() < count) {
    const size_t stuck =
        static_cast<size_t>(std::find(place.begin(), place.end(), UINT32_MAX) - place.begin());
    problem = "after: job '" + drafts[stuck].spec.name + "' waits, in a circle, for itself";
    return false;
  }
  drafts = std::move(ordered);
  if (places != nullptr) *places = std::move(place);
  return true;
}

}  // namespace berth::forms
