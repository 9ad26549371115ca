#include "net/forms/job_fields.h"

#include <algorithm>
#include <utility>

#include "core/jobs/check_spec.h"
#include "core/settings.h"
#include "net/forms/job_setters.h"
#include "net/text/whole_file.h"

namespace berth::forms {
namespace {

using client::Demand;
using client::JobSpec;
using Kind = JobField::Kind;

/// Fields as they are listed below, one short call each.
class Fields {
 public:
  using Set = decltype(JobField::set);

  void value(const char* name, const char* type, const char* help, Set set) {
    add(name, Kind::Value, type, help, std::move(set));
  }
  void list(const char* name, const char* type, const char* help, Set set) {
    add(name, Kind::List, type, help, std::move(set));
  }
  void table(const char* name, const char* type, const char* help, Set set) {
    add(name, Kind::Table, type, help, std::move(set));
  }
  void toggle(const char* name, const char* help, Set set) {
    add(name, Kind::Switch, "", help, std::move(set));
  }
  void key(const char* name, const char* type, const char* help, Set set) {
    add(name, Kind::Value, type, help, std::move(set)).key_only = true;
  }
  void choices(std::vector<std::string> choices) { all.back().choices = std::move(choices); }

  std::vector<JobField> all;

 private:
  JobField& add(const char* name, Kind kind, const char* type, const char* help, Set set) {
    all.push_back({name, kind, type, help, false, false, {}, std::move(set)});
    return all.back();
  }
};

void add_what_runs(Fields& to) {
  to.value("name", "NAME", "What people call it", text_of(&JobSpec::name));
  to.value("queue", "NAME", "The queue it is counted under", text_of(&JobSpec::queue));
  to.value("tenant", "NAME", "Who it is for", text_of(&JobSpec::tenant));
  to.table("label", "KEY=VALUE", "A label of the job", labels_of(&JobSpec::labels));
  to.table("env", "KEY=VALUE", "A variable of the task's environment", settings_of(&JobSpec::env));
  to.value(
      "workdir",
      "DIR",
      "Where the task starts (default: a directory of its own)",
      text_of(&JobSpec::working_dir));
  to.key("stdin", "TEXT", "What the task reads", text_of(&JobSpec::stdin_text));
  to.value(
      "stdin-file",
      "FILE",
      "What the task reads, from a file here; - is standard input",
      set_stdin_file);
  to.all.back().reads_file = true;
  to.value("runner", "RUNNER", "What runs it (default any)", set_runner);
  to.choices({"any", "process", "sandbox", "container"});
  to.value("image", "IMAGE", "OCI bundle or local image, for containers", text_of(&JobSpec::image));
  to.toggle("network", "Give a sandbox or container the network", switch_of(&JobSpec::network));
  to.list(
      "artifact",
      "PATH",
      "A file to keep, relative to the task's directory",
      list_of(&JobSpec::artifacts, '\0'));
  to.table(
      "meta", "KEY=VALUE", "A note that Berth keeps and never reads", settings_of(&JobSpec::meta));
}

void add_resources(Fields& to) {
  const auto slots = [](const std::string& text) {
    return net::parse_count(text, core::kSlotsMax);
  };
  to.value(
      "cpu", "CORES", "Cores", amount_of(&Demand::cpu_milli, net::parse_milli, net::kMilliForm));
  to.value(
      "memory",
      "SIZE",
      "Memory; beyond it the task is killed",
      amount_of(&Demand::memory_mib, net::parse_mib, net::kSizeForm));
  to.value("disk", "SIZE", "Disk", amount_of(&Demand::disk_mib, net::parse_mib, net::kSizeForm));
  to.value(
      "bandwidth",
      "RATE",
      "Network bandwidth",
      amount_of(&Demand::network_mbit, net::parse_mbit, net::kBandwidthForm));
  to.value("slots", "N", "Slots (default 1)", amount_of(&Demand::slots, slots, net::kCountForm));
  to.value("gpu", "PART", "A part of one GPU", set_gpu);
  to.value("gpus", "N", "Whole GPUs", set_gpus);
  to.list("gpu-model", "A|B", "Allowed GPU models", set_gpu_model);
  to.table("custom", "NAME=N", "An amount of a resource that the operator named", set_custom);
}

void add_where(Fields& to) {
  to.list("tags", "A,B", "Tags the worker must all have", list_of(&JobSpec::all_tags));
  to.list("any", "A|B", "Tags of which the worker must have one; each --any is one group", set_any);
  to.list("not", "A,B", "Tags the worker must not have", list_of(&JobSpec::none_tags));
  to.table(
      "worker-label", "KEY=VALUE", "A label the worker must have", labels_of(&JobSpec::affinity));
  to.table(
      "not-worker-label",
      "KEY=VALUE",
      "A label the worker must not have",
      labels_of(&JobSpec::anti_affinity));
  to.value(
      "spread-by",
      "KEY",
      "Prefer the least loaded value of this label",
      text_of(&JobSpec::spread_by));
  to.list("exclude", "ID,ID", "Workers not to be chosen", list_of(&JobSpec::exclude_workers));
  to.value("policy", "POLICY", "How to choose (default least-loaded)", set_policy);
  to.choices({"least-loaded", "best-fit", "fgd", "spread", "pack"});
}

void add_when(Fields& to) {
  to.value("priority", "N", "Higher first (default 0)", set_priority);
  to.value(
      "at",
      "TIME",
      "Not before: RFC 3339, or +30s",
      time_of(&JobSpec::scheduled_at_ms, &JobDraft::at_ahead_ms));
  to.value(
      "deadline",
      "TIME",
      "Among equal priority the earliest goes first",
      time_of(&JobSpec::deadline_at_ms, &JobDraft::deadline_ahead_ms));
  to.value(
      "estimate", "TIME", "How long it will run, as you think", duration_of(&JobSpec::estimated));
  to.value(
      "timeout",
      "TIME",
      "Longest run of one attempt (default: none)",
      duration_of(&JobSpec::timeout));
  to.value("attempts", "N", "How often it is tried (default 1)", set_attempts);
  to.value(
      "retry-base",
      "TIME",
      "Pause before the second attempt, doubling (default 1s)",
      duration_of(&JobSpec::retry_base, core::kRetryMsMax));
  to.value(
      "retry-cap",
      "TIME",
      "The longest of these pauses (default 5m)",
      duration_of(&JobSpec::retry_cap, core::kRetryMsMax));
  to.value(
      "kill-grace",
      "TIME",
      "From TERM to KILL (default 5s)",
      duration_of(&JobSpec::kill_grace, core::kKillGraceMsMax));
  to.toggle(
      "checkpointable",
      "Exit code 85 means 'run me again', and is no attempt",
      switch_of(&JobSpec::checkpointable));
  to.list("after", "ID,ID", "Jobs that have to be COMPLETED first", set_after);
  to.value("array", "A-B", "One job for each index, in BERTH_ARRAY_INDEX", set_array);
}

}  // namespace

const std::vector<JobField>& job_fields() {
  static const std::vector<JobField> fields = [] {
    Fields made;
    add_what_runs(made);
    add_resources(made);
    add_where(made);
    add_when(made);
    return made.all;
  }();
  return fields;
}

std::string field_key(std::string_view name) {
  std::string key(name);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

bool read_whole_file(const std::string& path, std::string& text, std::string& problem) {
  const bool read = path == "-" ? net::read_standard_input(text, problem)
                                : net::read_whole_file(path, text, problem);
  if (!read) problem += "; name a file, or - for standard input";
  return read;
}

}  // namespace berth::forms
