#include "net/api/v1/shapes.h"

#include <array>
#include <cmath>

#include "wire/tokens.h"

namespace berth::net::v1 {
namespace {

using Kind = JsonKind;

constexpr std::array<JsonField, 6> kCapacityFields = {{
    {.name = "slots", .kind = Kind::Integer, .about = "Tasks at a time", .required = true},
    {.name = "cpu_milli",
     .kind = Kind::Integer,
     .about = "Thousandths of a core",
     .required = true},
    {.name = "memory_mib", .kind = Kind::Integer, .about = "Memory in MiB", .required = true},
    {.name = "disk_mib", .kind = Kind::Integer, .about = "Disk in MiB", .required = true},
    {.name = "network_mbit",
     .kind = Kind::Integer,
     .about = "Bandwidth in Mbit a second",
     .required = true},
    {.name = "custom",
     .kind = Kind::Integer,
     .about = "Amounts of what the operator named",
     .required = true,
     .map = true},
}};
constexpr JsonSchema kCapacitySchema = {
    "Capacity", "What a worker has, or has free.", kCapacityFields};

constexpr std::array<JsonField, 2> kGpuFields = {{
    {.name = "model", .about = "The device's model", .required = true},
    {.name = "free_milli",
     .kind = Kind::Integer,
     .about = "Thousandths of it that are free",
     .required = true},
}};
constexpr JsonSchema kGpuSchema = {"Gpu", "One device.", kGpuFields};

constexpr std::array<JsonField, 3> kUsageFields = {{
    {.name = "cpu_milli", .kind = Kind::Number, .about = "Thousandths of a core", .required = true},
    {.name = "memory_mib", .kind = Kind::Number, .about = "Memory in MiB", .required = true},
    {.name = "gpu_milli",
     .kind = Kind::Number,
     .about = "Thousandths of a device, over all of them",
     .required = true},
}};
constexpr JsonSchema kUsageSchema = {
    "WorkerUsage", "What the worker says it uses now.", kUsageFields};

constexpr std::array<std::string_view, 3> kStatuses = {"online", "suspicious", "offline"};

constexpr std::array<JsonField, 18> kWorkerFields = {{
    {.name = "id", .about = "The worker's id", .required = true},
    {.name = "address", .about = "Where its clients reach it", .required = true},
    {.name = "status",
     .about = "By the age of its last heartbeat",
     .required = true,
     .one_of = kStatuses},
    {.name = "cordoned",
     .kind = Kind::Boolean,
     .about = "Nothing new is placed on it",
     .required = true},
    {.name = "draining",
     .kind = Kind::Boolean,
     .about = "Its agent was told to empty it, too",
     .required = true},
    {.name = "reason", .about = "Of the cordon or drain", .required = true},
    {.name = "load",
     .kind = Kind::Number,
     .about = "Slots taken, as a part of all",
     .required = true},
    {.name = "tags", .about = "What it offers", .required = true, .array = true},
    {.name = "labels", .about = "What describes it", .required = true, .map = true},
    {.name = "capacity",
     .kind = Kind::Object,
     .about = "What it has",
     .required = true,
     .object = &kCapacitySchema},
    {.name = "free",
     .kind = Kind::Object,
     .about = "What is not reserved of it",
     .required = true,
     .object = &kCapacitySchema},
    {.name = "gpus",
     .kind = Kind::Object,
     .about = "Its devices, in device order",
     .required = true,
     .array = true,
     .object = &kGpuSchema},
    {.name = "reported_tasks",
     .kind = Kind::Integer,
     .about = "Tasks it says it runs",
     .required = true},
    {.name = "held_slots",
     .kind = Kind::Integer,
     .about = "Slots reserved and not yet reported",
     .required = true},
    {.name = "usage",
     .kind = Kind::Object,
     .about = "What it says it uses",
     .required = true,
     .object = &kUsageSchema},
    {.name = "heartbeat_age_s",
     .kind = Kind::Number,
     .about = "Seconds since its last heartbeat",
     .required = true},
    {.name = "cooldown_s",
     .kind = Kind::Number,
     .about = "Seconds for which it gets no jobs, having failed some",
     .required = true},
    {.name = "agent_version", .about = "What runs on it", .required = true},
}};

void write_capacity(JsonOut& json, const wire::Capacity& capacity) {
  json.object();
  json.field("slots", capacity.slots);
  json.field("cpu_milli", capacity.cpu_milli);
  json.field("memory_mib", capacity.memory_mib);
  json.field("disk_mib", capacity.disk_mib);
  json.field("network_mbit", capacity.network_mbit);
  json.key("custom").object();
  for (const wire::NamedAmount& each : capacity.custom)
    json.field(each.name, each.amount);
  json.end().end();
}

void write_gpus(JsonOut& json, std::span<const wire::GpuDevice> gpus) {
  json.array();
  for (const wire::GpuDevice& gpu : gpus)
    json.object().field("model", gpu.model).field("free_milli", gpu.free_milli).end();
  json.end();
}

void write_usage(JsonOut& json, const wire::Usage& usage) {
  json.object();
  json.field("cpu_milli", usage.cpu_milli);
  json.field("memory_mib", usage.memory_mib);
  json.field("gpu_milli", usage.gpu_milli);
  json.end();
}

}  // namespace

const JsonSchema kWorkerSchema = {"Worker", "A machine that runs tasks.", kWorkerFields};

void write_worker(JsonOut& json, const wire::WorkerRow& worker) {
  json.object();
  json.field("id", worker.id).field("address", worker.address);
  json.field("status", wire::worker_status_token(worker.status));
  json.field("cordoned", worker.cordoned).field("draining", worker.draining);
  json.field("reason", worker.reason).field("load", worker.load);
  json.key("tags").array();
  for (const wire::Text tag : worker.tags)
    json.value(tag);
  json.end();
  json.key("labels").object();
  for (const wire::Label& label : worker.labels)
    json.field(label.key, label.value);
  json.end();
  write_capacity(json.key("capacity"), worker.capacity);
  write_capacity(json.key("free"), worker.free);
  write_gpus(json.key("gpus"), worker.gpus);
  json.field("reported_tasks", worker.reported_tasks).field("held_slots", worker.held_slots);
  write_usage(json.key("usage"), worker.usage);
  json.field("heartbeat_age_s", seconds_of(worker.heartbeat_age_ms));
  json.field("cooldown_s", seconds_of(worker.cooldown_ms));
  json.field("agent_version", worker.agent_version);
  json.end();
}

void write_number(JsonOut& json, double value) {
  constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53: every whole number below is itself
  if (std::abs(value) < kExact && std::trunc(value) == value) {
    json.value(static_cast<int64_t>(value));
  } else {
    json.value(value);
  }
}

}  // namespace berth::net::v1
