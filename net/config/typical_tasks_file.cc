#include "net/config/typical_tasks_file.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "core/settings.h"

namespace berth::net {
namespace {

using nlohmann::json;

constexpr int64_t kGpuMilliMax = 1000;

bool read_amount(
    const json& object, const char* key, int64_t max, int64_t& target, std::string& problem) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  // Unsigned too: nlohmann tells the two apart, and neither test passes for 1.5.
  if (found->is_number_integer() && *found >= 0 && *found <= max) {
    target = found->get<int64_t>();
    return true;
  }
  problem = std::string(key) + " is not a whole number from 0 to " + std::to_string(max);
  return false;
}

bool read_models(const json& object, std::vector<std::string>& models, std::string& problem) {
  const auto found = object.find("models");
  if (found == object.end()) return true;
  problem = "models is not a list of names";
  if (!found->is_array()) return false;
  for (const json& model : *found) {
    if (!model.is_string() || model.get_ref<const std::string&>().empty()) return false;
    models.push_back(model.get<std::string>());
  }
  return true;
}

bool read_line(const json& object, TypicalTaskLine& line, std::string& problem) {
  for (const auto& [key, value] : object.items()) {
    if (key != "cpu_milli" && key != "memory_mib" && key != "num_gpu" && key != "gpu_milli" &&
        key != "models" && key != "share") {
      problem = "no such key as '" + key + "'";
      return false;
    }
  }
  if (!read_amount(object, "cpu_milli", core::kAmountMax, line.cpu_milli, problem) ||
      !read_amount(object, "memory_mib", core::kAmountMax, line.memory_mib, problem) ||
      !read_amount(object, "num_gpu", core::kGpusMax, line.num_gpu, problem) ||
      !read_amount(object, "gpu_milli", kGpuMilliMax, line.gpu_milli, problem) ||
      !read_models(object, line.models, problem)) {
    return false;
  }
  if (line.num_gpu > 1 && line.gpu_milli != kGpuMilliMax) {
    problem = "gpu_milli below 1000 goes with num_gpu 1 alone";
    return false;
  }
  const auto share = object.find("share");
  if (share == object.end()) return true;
  line.share = share->is_number() ? share->get<double>() : -1;
  problem = "share is not a number above 0";
  return std::isfinite(line.share) && line.share > 0;
}

}  // namespace

bool parse_typical_tasks(
    std::string_view text,
    const std::string& path,
    std::vector<TypicalTaskLine>& lines,
    std::string& problem) {
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (row.find_first_not_of(" \t\r") == row.npos) continue;
    const json object = json::parse(row, nullptr, false);
    TypicalTaskLine line;
    std::string why = "not a JSON object";
    if (!object.is_object() || !read_line(object, line, why)) {
      problem = path + ":" + std::to_string(number) + ": " + why;
      return false;
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) problem = path + " holds no typical task; write one JSON object for each line";
  return !lines.empty();
}

std::vector<core::TypicalTask> typical_tasks(
    const std::vector<TypicalTaskLine>& lines, core::Names& names) {
  std::vector<core::TypicalTask> tasks;
  for (const TypicalTaskLine& line : lines) {
    core::TypicalTask task;
    task.share = line.share;
    task.demand.amounts[static_cast<size_t>(core::Resource::Cpu)] =
        static_cast<int32_t>(line.cpu_milli);
    task.demand.amounts[static_cast<size_t>(core::Resource::Memory)] =
        static_cast<int32_t>(line.memory_mib);
    task.demand.gpu_count = static_cast<uint16_t>(line.num_gpu);
    task.demand.gpu_milli = static_cast<uint16_t>(line.num_gpu == 0 ? 0 : line.gpu_milli);
    for (const std::string& model : line.models) {
      task.demand.gpu_models.push_back(names.intern(core::NameKind::GpuModel, model));
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace berth::net
