#include "loadgen/trace.h"

#include <istream>

#include <nlohmann/json.hpp>

namespace berth::loadgen {
namespace {

using Json = nlohmann::json;

// One field after the other; the first that is missing or wrong is what `problem` says.
class Fields {
 public:
  Fields(const Json& object, std::string& problem) : object_(object), problem_(problem) {}

  int64_t number(const char* key, int64_t max) {
    const Json* field = find(key);
    if (field == nullptr) return 0;
    if (!field->is_number_integer() || *field < 0 || *field > max) {
      refuse(
          std::string("\"") + key + "\" must be a whole number from 0 to " + std::to_string(max));
      return 0;
    }
    return field->get<int64_t>();
  }

  std::string text(const char* key) {
    const Json* field = find(key);
    if (field == nullptr) return {};
    if (!field->is_string()) {
      refuse(std::string("\"") + key + "\" must be a string");
      return {};
    }
    return field->get<std::string>();
  }

  std::vector<std::string> texts(const char* key) {
    const Json* field = find(key);
    if (field == nullptr) return {};
    std::vector<std::string> all;
    bool good = field->is_array();
    for (size_t i = 0; good && i < field->size(); ++i) {
      good = (*field)[i].is_string();
      if (good) all.push_back((*field)[i].get<std::string>());
    }
    if (!good) refuse(std::string("\"") + key + "\" must be a list of strings");
    return all;
  }

  void refuse(const std::string& why) {
    if (problem_.empty()) problem_ = why;
  }

 private:
  const Json* find(const char* key) {
    auto at = object_.find(key);
    if (at != object_.end()) return &*at;
    refuse(std::string("\"") + key + "\" is missing");
    return nullptr;
  }

  const Json& object_;
  std::string& problem_;
};

// What the wire can carry of any one resource.
constexpr int64_t kAmountMax = 2'000'000'000;
constexpr int64_t kGpusMax = 16;

TraceNode node_of(Fields fields) {
  TraceNode node;
  node.name = fields.text("node");
  node.cpu_milli = fields.number("cpu_milli", kAmountMax);
  node.memory_mib = fields.number("memory_mib", kAmountMax);
  node.gpus = fields.number("gpus", kGpusMax);
  node.model = fields.text("model");
  if (node.name.empty()) fields.refuse("\"node\" must not be empty");
  return node;
}

TraceTask task_of(Fields fields) {
  TraceTask task;
  task.pod = fields.number("pod", INT64_MAX);
  task.cpu_milli = fields.number("cpu_milli", kAmountMax);
  task.memory_mib = fields.number("memory_mib", kAmountMax);
  task.num_gpu = fields.number("num_gpu", kGpusMax);
  task.gpu_milli = fields.number("gpu_milli", 1000);
  task.models = fields.texts("models");
  if (task.num_gpu > 0 && task.gpu_milli == 0) fields.refuse("\"gpu_milli\" must be above 0");
  if (task.num_gpu > 1 && task.gpu_milli != 1000) {
    fields.refuse("\"gpu_milli\" must be 1000 for more than one device");
  }
  return task;
}

}  // namespace

bool read_trace(std::istream& in, Trace& trace, std::string& problem) {
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    std::string wrong;
    Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) {
      wrong = "not a JSON object";
    } else if (object.contains("node")) {
      if (!trace.tasks.empty()) wrong = "a node after the first task";
      trace.nodes.push_back(node_of({object, wrong}));
    } else {
      trace.tasks.push_back(task_of({object, wrong}));
    }
    if (wrong.empty()) continue;
    problem = "line " + std::to_string(number) + ": " + wrong;
    return false;
  }
  if (trace.nodes.empty()) problem = "no nodes in it";
  return problem.empty();
}

}  // namespace berth::loadgen
