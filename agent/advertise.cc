#include "agent/advertise.h"

#include <algorithm>
#include <map>

#include "core/jobs/check_spec.h"
#include "core/settings.h"

namespace berth::agent {

namespace {

int64_t amount(
    const char* name, const char* unit, const Reading& reading, std::vector<Line>& lines) {
  int64_t told = std::clamp<int64_t>(reading.amount, 0, core::kAmountMax);
  std::string why = reading.why;
  if (told < reading.amount) why += ", more than the " + std::to_string(told) + " that can be told";
  lines.push_back({std::string(name) + " " + std::to_string(told) + " " + unit, why});
  return told;
}

int64_t slots(const Wanted& wanted, int64_t cpu_milli, std::vector<Line>& lines) {
  int64_t cores = std::max<int64_t>(1, cpu_milli / 1000);
  int64_t told = std::min(wanted.max_tasks.value_or(cores), core::kSlotsMax);
  lines.push_back(
      {"slots " + std::to_string(told),
       wanted.max_tasks ? "given by --max-tasks" : "one for each whole core, at least one"});
  return told;
}

/// `text` as the value of a label with this key: without control characters, and cut to fit.
std::string label_value(const std::string& key, std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  size_t most = core::kNameBytesMax - key.size() - 1;
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80)
    --most;
  return text.substr(0, most);
}

/// What runs jobs here becomes a tag, and what does not a label that says why. Of a kind with two
/// ways each has its own beside the kind's: `runner:container`, `runner:container.engine`.
void add_runners(const Platform& platform, Advertised& told) {
  if (platform.backends.empty()) told.lines.push_back({"runners none", "runs no jobs: --no-jobs"});
  for (const Backend& backend : platform.backends) {
    std::string tag(core::runner_tag(backend.kind));
    std::string way = backend.via.empty() ? tag : tag + "." + backend.via;
    std::string name = way.substr(way.find(':') + 1);
    told.lines.push_back(
        {"runner " + name + (backend.works ? "" : ": does not work"), backend.why});
    if (backend.works) {
      told.profile.tags.insert(told.profile.tags.end(), {tag, way});  // doubles are dropped later
      continue;
    }
    std::string key = "runner." + name;
    std::vector<NamedText>& labels = told.profile.labels;
    bool given = std::any_of(
        labels.begin(), labels.end(), [&key](const NamedText& label) { return label.key == key; });
    if (given || labels.size() >= core::kLabelsPerWorkerMax) continue;  // the log has it
    labels.push_back({key, label_value(key, backend.why)});
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ",") + word;
  return text;
}

void add_gpus(const Platform& platform, Advertised& told) {
  std::vector<std::string>& models = told.profile.gpu_models;
  models = platform.gpu_models;
  std::string why = platform.gpu_why;
  if (models.size() > core::kGpusMax) {
    models.resize(core::kGpusMax);
    why += ", of which a worker can tell " + std::to_string(core::kGpusMax);
  }
  std::map<std::string, int> counts;
  for (const std::string& model : models)
    ++counts[model];
  std::string what = "gpus " + std::to_string(models.size());
  for (const auto& [model, count] : counts)
    what += " " + model + "*" + std::to_string(count);
  told.lines.push_back({what, why});
}

void add_tags(const Wanted& wanted, const Platform& platform, Advertised& told) {
  std::vector<std::string>& tags = told.profile.tags;
  tags.insert(tags.end(), {platform.system, platform.architecture});
  if (!told.profile.gpu_models.empty()) tags.push_back("gpu");
  tags.insert(tags.end(), told.profile.gpu_models.begin(), told.profile.gpu_models.end());
  tags.insert(tags.end(), wanted.tags.begin(), wanted.tags.end());
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  told.lines.push_back(
      {"tags " + join(tags),
       wanted.tags.empty() ? "of the machine" : "of the machine, and given by --tags"});
}

}  // namespace

Advertised advertise(const Wanted& wanted, const Platform& platform, const Machine& machine) {
  Advertised told;
  Profile& profile = told.profile;
  profile.software = platform.software;
  profile.address = wanted.address.empty() ? platform.host : wanted.address;
  told.lines.push_back(
      {"address " + profile.address,
       wanted.address.empty() ? "the host name" : "given by --address"});

  profile.cpu_milli = amount("cpu", "milli cores", machine.cpu_milli, told.lines);
  profile.slots = slots(wanted, profile.cpu_milli, told.lines);
  profile.memory_mib = amount("memory", "MiB", machine.memory_mib, told.lines);
  profile.disk_mib = amount("disk", "MiB", machine.disk_mib, told.lines);
  profile.network_mbit = amount("network", "Mbit/s", machine.network_mbit, told.lines);
  add_gpus(platform, told);
  profile.labels = wanted.labels;
  add_runners(platform, told);
  add_tags(wanted, platform, told);

  for (const NamedText& label : wanted.labels) {
    told.lines.push_back({"label " + label.key + "=" + label.value, "given by --label"});
  }
  profile.custom = wanted.custom;
  for (const NamedCount& custom : profile.custom) {
    told.lines.push_back(
        {"custom " + custom.name + " " + std::to_string(custom.amount), "given by --custom"});
  }
  return told;
}

}  // namespace berth::agent
