#include "net/forms/job_file.h"
#include "net/forms/times.h"
#include "net/text/units.h"

// The way back from a job to the keys that make it.

namespace berth::forms {
namespace {

using client::JobSpec;
using client::Milliseconds;

const JobSpec kDefault;

void put_text(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

void put_list(Json& json, const char* key, const std::vector<std::string>& list) {
  if (!list.empty()) json[key] = list;
}

void put_table(Json& json, const char* key, const std::vector<client::Label>& labels) {
  for (const client::Label& label : labels)
    json[key][label.key] = label.value;
}

void put_duration(Json& json, const char* key, Milliseconds duration, Milliseconds usual) {
  if (duration != usual) {
    json[key] = net::format_duration(core::Duration::milliseconds(duration.count()));
  }
}

void put_time(Json& json, const char* key, int64_t at_ms) {
  if (at_ms != 0) json[key] = format_time(at_ms);
}

void put_demand(Json& json, const client::Demand& demand) {
  if (demand.cpu_milli != 0) json["cpu"] = net::format_milli(demand.cpu_milli);
  if (demand.memory_mib != 0) json["memory"] = net::format_mib(demand.memory_mib);
  if (demand.disk_mib != 0) json["disk"] = net::format_mib(demand.disk_mib);
  if (demand.network_mbit != 0) json["bandwidth"] = std::to_string(demand.network_mbit) + "Mbit";
  if (demand.slots != 1) json["slots"] = demand.slots;
  if (demand.gpu_count == 1 && demand.gpu_milli < 1000) {
    json["gpu"] = net::format_milli(demand.gpu_milli);
  } else if (demand.gpu_count != 0) {
    json["gpus"] = demand.gpu_count;
  }
  put_list(json, "gpu_model", demand.gpu_models);
  for (const client::NamedAmount& each : demand.custom)
    json["custom"][each.name] = each.amount;
}

void put_where(Json& json, const JobSpec& job) {
  put_list(json, "tags", job.all_tags);
  if (!job.any_tags.empty()) json["any"] = job.any_tags;
  put_list(json, "not", job.none_tags);
  put_table(json, "worker_label", job.affinity);
  put_table(json, "not_worker_label", job.anti_affinity);
  put_text(json, "spread_by", job.spread_by);
  put_list(json, "exclude", job.exclude_workers);
  if (job.policy != kDefault.policy) json["policy"] = client::policy_token(job.policy);
}

void put_when(Json& json, const JobSpec& job) {
  if (job.priority != 0) json["priority"] = job.priority;
  put_time(json, "at", job.scheduled_at_ms);
  put_time(json, "deadline", job.deadline_at_ms);
  put_duration(json, "estimate", job.estimated, kDefault.estimated);
  put_duration(json, "timeout", job.timeout, kDefault.timeout);
  if (job.attempts_max != kDefault.attempts_max) json["attempts"] = job.attempts_max;
  put_duration(json, "retry_base", job.retry_base, kDefault.retry_base);
  put_duration(json, "retry_cap", job.retry_cap, kDefault.retry_cap);
  put_duration(json, "kill_grace", job.kill_grace, kDefault.kill_grace);
  if (job.checkpointable) json["checkpointable"] = true;
  if (!job.depends_on.empty()) json["after"] = job.depends_on;
  if (job.array) {
    json["array"] = std::to_string(job.array->first) + "-" + std::to_string(job.array->last);
  }
}

}  // namespace

Json job_keys_json(const JobSpec& job) {
  Json json = Json::object();
  put_text(json, "name", job.name);
  put_text(json, "queue", job.queue);
  put_text(json, "tenant", job.tenant);
  put_table(json, "label", job.labels);
  put_list(json, "command", job.command);
  put_text(json, "image", job.image);
  put_table(json, "env", job.env);
  put_text(json, "workdir", job.working_dir);
  put_text(json, "stdin", job.stdin_text);
  if (job.runner != client::Runner::Any) json["runner"] = client::runner_token(job.runner);
  if (job.network) json["network"] = true;
  put_list(json, "artifact", job.artifacts);
  put_table(json, "meta", job.meta);
  put_demand(json, job.demand);
  put_where(json, job);
  put_when(json, job);
  return json;
}

}  // namespace berth::forms
