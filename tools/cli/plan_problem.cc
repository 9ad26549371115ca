#include "tools/cli/plan_problem.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "net/forms/strict_json.h"
#include "net/text/units.h"
#include "tools/cli/shapes.h"

namespace berth::cli {

namespace {

using core::Problem;
using core::Ticks;

constexpr double kSecondsMax = 1e9;  // some thirty years
constexpr double kAmountMax = 1e9;
constexpr double kWeightMax = 1e9;

/// What is wrong with a file; caught where the reading began, so that every reader below can just
/// read.
struct Fault {
  std::string what;
};

[[noreturn]] void fail(const std::string& what) {
  throw Fault{what};
}

constexpr size_t kDepthMax = 8;  // a problem needs five

/// Whoever shows or frees a value goes as deep as it nests: so deep must nothing be.
void check_depth(std::string_view text) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == '[' || text[i] == '{'))
      ++depth;
    else if (!quoted && (text[i] == ']' || text[i] == '}') && depth > 0)
      --depth;
    if (depth <= kDepthMax) continue;
    fail(
        "the file is no JSON problem: at byte " + std::to_string(i) + " it nests more than " +
        std::to_string(kDepthMax) + " deep; a problem has lists of workers and tasks");
  }
}

std::string shown(const Json& value) {
  std::string text = value.dump();
  return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

void check_keys(
    const Json& object, const std::string& where, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) fail(where + " is " + shown(object) + ", an object was expected");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string_view nearest =
        net::nearest_word(key, std::vector<std::string_view>(known.begin(), known.end()));
    fail(
        where + " has an unknown key '" + key + "'" +
        (nearest.empty() ? "" : "; did you mean '" + std::string(nearest) + "'?"));
  }
}

double number(const Json& value, const std::string& where, double max) {
  if (!value.is_number()) fail(where + " is " + shown(value) + ", a number was expected");
  const auto read = value.get<double>();
  if (!(read >= 0) || read > max) {
    fail(where + " is " + shown(value) + ", it has to be from 0 to " + shown(Json(max)));
  }
  return read;
}

Ticks ticks(const Json& value, const std::string& where) {
  return std::llround(number(value, where, kSecondsMax) * core::kTicksPerSecond);
}

const Json& array(const Json& object, const char* key, const std::string& where) {
  static const Json kNone = Json::array();
  const auto found = object.find(key);
  if (found == object.end()) return kNone;
  if (!found->is_array()) fail(where + key + " is " + shown(*found) + ", a list was expected");
  return *found;
}

std::string text(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) fail(where + " has no '" + key + "'");
  if (!found->is_string() || found->get<std::string>().empty()) {
    fail(where + "." + key + " is " + shown(*found) + ", a text was expected");
  }
  return found->get<std::string>();
}

class Reader {
 public:
  explicit Reader(Problem& problem) : problem_(problem) {}

  void read(const Json& file) {
    check_keys(file, "the problem", {"objective", "workers", "tasks"});
    read_goal(file);
    name_resources(array(file, "workers", ""), "capacity");
    name_resources(array(file, "tasks", ""), "demand");
    read_workers(array(file, "workers", ""));
    read_tasks(array(file, "tasks", ""));
  }

 private:
  using Index = absl::flat_hash_map<std::string, uint32_t>;

  void read_goal(const Json& file) {
    const std::string goal = text(file, "objective", "the problem");
    if (goal == "makespan") {
      problem_.goal = core::Goal::Makespan;
    } else if (goal == "weighted_tardiness") {
      problem_.goal = core::Goal::WeightedTardiness;
    } else if (goal == "workers_used") {
      problem_.goal = core::Goal::WorkersUsed;
    } else {
      fail(
          "objective is '" + goal + "', it has to be makespan, weighted_tardiness or workers_used");
    }
  }

  /// Resources are numbered as they are met. One that no worker has is there, too: of it, all
  /// workers have nothing.
  void name_resources(const Json& list, const char* key) {
    for (const Json& one : list) {
      if (!one.is_object()) continue;  // said later, with its place
      const auto amounts = one.find(key);
      if (amounts == one.end() || !amounts->is_object()) continue;
      for (const auto& [name, amount] : amounts->items()) {
        const auto number = static_cast<uint32_t>(problem_.resources.size());
        if (resources_.try_emplace(name, number).second) problem_.resources.push_back(name);
      }
    }
  }

  std::vector<core::Amount> amounts(const Json& one, const char* key, const std::string& where) {
    std::vector<core::Amount> read(problem_.resources.size());
    const auto found = one.find(key);
    if (found == one.end()) return read;
    const std::string here = where + "." + key;
    if (!found->is_object()) fail(here + " is " + shown(*found) + ", an object was expected");
    for (const auto& [name, amount] : found->items()) {
      const double units = number(amount, here + "." + name, kAmountMax);
      read[resources_.at(name)] = std::llround(units * core::kAmountUnit);
    }
    return read;
  }

  static void add_id(Index& index, const std::string& id, size_t number, const char* what) {
    if (!index.try_emplace(id, static_cast<uint32_t>(number)).second) {
      fail(std::string(what) + " '" + id + "' is there twice");
    }
  }

  void read_workers(const Json& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string where = "workers[" + std::to_string(i) + "]";
      check_keys(list[i], where, {"id", "capacity"});
      Problem::Worker worker;
      worker.id = text(list[i], "id", where);
      worker.capacity = amounts(list[i], "capacity", where);
      add_id(workers_, worker.id, i, "worker");
      problem_.workers.push_back(std::move(worker));
    }
    if (list.empty()) fail("the problem has no workers");
  }

  uint32_t worker_named(const Json& name, const std::string& where) const {
    const auto found = name.is_string() ? workers_.find(name.get<std::string>()) : workers_.end();
    if (found == workers_.end()) fail(where + " names " + shown(name) + ", which is no worker");
    return found->second;
  }

  void read_tasks(const Json& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string where = "tasks[" + std::to_string(i) + "]";
      check_keys(
          list[i],
          where,
          {"id", "demand", "duration_s", "workers", "release_s", "deadline_s", "weight", "after"});
      problem_.tasks.push_back(read_task(list[i], where));
      add_id(tasks_, problem_.tasks.back().id, i, "task");
    }
    for (size_t i = 0; i < list.size(); ++i) {
      const std::string where = "tasks[" + std::to_string(i) + "]";
      for (const Json& name : array(list[i], "after", where + ".")) {
        const auto found = name.is_string() ? tasks_.find(name.get<std::string>()) : tasks_.end();
        if (found == tasks_.end())
          fail(where + ".after names " + shown(name) + ", which is no task");
        problem_.tasks[i].after.push_back(found->second);
      }
      std::vector<uint32_t>& after = problem_.tasks[i].after;
      std::sort(after.begin(), after.end());
      after.erase(std::unique(after.begin(), after.end()), after.end());
    }
  }

  Problem::Task read_task(const Json& one, const std::string& where) {
    Problem::Task task;
    task.id = text(one, "id", where);
    task.demand = amounts(one, "demand", where);
    read_duration(one, where, task);
    std::vector<uint32_t> allowed;
    for (const Json& name : array(one, "workers", where + "."))
      allowed.push_back(worker_named(name, where + ".workers"));
    if (one.contains("workers") && allowed.empty()) fail(where + ".workers allows no worker");
    std::sort(allowed.begin(), allowed.end());
    allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
    task.workers = std::move(allowed);
    if (one.contains("release_s")) task.release = ticks(one["release_s"], where + ".release_s");
    if (one.contains("deadline_s")) task.deadline = ticks(one["deadline_s"], where + ".deadline_s");
    if (one.contains("weight")) task.weight = number(one["weight"], where + ".weight", kWeightMax);
    return task;
  }

  void read_duration(const Json& one, const std::string& where, Problem::Task& task) {
    const auto found = one.find("duration_s");
    if (found == one.end()) fail(where + " has no 'duration_s'");
    const std::string here = where + ".duration_s";
    if (!found->is_object()) {
      task.duration = ticks(*found, here);
      return;
    }
    task.durations.assign(problem_.workers.size(), core::kNever);
    for (const auto& [name, duration] : found->items())
      task.durations[worker_named(name, here)] = ticks(duration, here + "." + name);
  }

  Problem& problem_;
  Index resources_;
  Index workers_;
  Index tasks_;
};

}  // namespace

bool read_problem(std::string_view text, Problem& problem, std::string& fault) {
  try {
    check_depth(text);
    Json file;
    if (!forms::parse_strict_json(text, file, fault)) {
      fault.insert(0, "the file is no JSON problem: ");
      return false;
    }
    Reader(problem).read(file);
    fault = core::problem_fault(problem);
  } catch (const Fault& found) {
    fault = found.what;
  }
  return fault.empty();
}

double seconds_of(Ticks ticks) {
  return static_cast<double>(ticks) / core::kTicksPerSecond;
}

}  // namespace berth::cli
