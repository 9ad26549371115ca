#include "agent/runner/order.h"

#include "agent/runner/record.h"

namespace berth::agent {

// Outside of the unnamed namespace: found by its argument from within the archives.
template <typename Archive>
static void fields(Archive& archive, TaskOutput& output) {
  archive(output.name);
  archive(output.path);
  archive(output.bytes);
  archive(output.sha256);
  archive(output.truncated);
}

namespace {

constexpr std::string_view kOrderMagic = "BRTHord1";
constexpr std::string_view kResultMagic = "BRTHres1";

template <typename Archive>
void fields(Archive& archive, wire::AssignmentId& id) {
  archive(id.job.value);
  archive(id.attempt);
  archive(id.epoch);
}

template <typename Archive>
void fields(Archive& archive, Order& order) {
  fields(archive, order.assignment);
  archive(order.runner);
  archive(order.argv);
  archive(order.env);
  archive(order.working_dir);
  archive(order.stdin_text);
  archive(order.artifacts);
  archive(order.image);
  archive(order.images);
  archive(order.network);
  archive(order.checkpointable);
  archive(order.timeout_ms);
  archive(order.kill_grace_ms);
  archive(order.memory_bytes);
  archive(order.cpu_milli);
  archive(order.pids_max);
  archive(order.output_bytes_max);
  archive(order.artifact_bytes_max);
  archive(order.switch_user);
  archive(order.uid);
  archive(order.gid);
  archive(order.groups);
  archive(order.cgroups.memory);
  archive(order.cgroups.cpu);
  archive(order.cgroups.pids);
  archive(order.cgroups.unified);
  archive(order.cgroups.v2);
  archive(order.seccomp);
  archive(order.task_dir);
  archive(order.state_dir);
  archive(order.image_helper);
  archive(order.engine_socket);
  archive(order.engine_helper);
  archive(order.engine_owner);
  archive(order.gpus);
}

template <typename Archive>
void fields(Archive& archive, TaskResult& result) {
  fields(archive, result.assignment);
  archive(result.error);
  archive(result.checkpointed);
  archive(result.exit_code);
  archive(result.signal);
  archive(result.message);
  archive(result.usage.cpu_ms);
  archive(result.usage.memory_peak_bytes);
  archive(result.usage.wall_ms);
  archive(result.outputs);
}

template <typename T>
std::string encode(std::string_view magic, const T& value) {
  Packer packer;
  fields(packer, const_cast<T&>(value));  // a Packer only reads
  return seal(magic, packer.bytes);
}

template <typename T>
std::optional<T> decode(std::string_view magic, std::string_view file) {
  std::optional<std::string_view> payload = unseal(magic, file);
  if (!payload) return std::nullopt;
  Unpacker unpacker(*payload);
  T value;
  fields(unpacker, value);
  if (!unpacker.complete()) return std::nullopt;
  return value;
}

}  // namespace

std::string encode_order(const Order& order) {
  return encode(kOrderMagic, order);
}

std::optional<Order> decode_order(std::string_view file) {
  return decode<Order>(kOrderMagic, file);
}

size_t progress_offset(std::string_view file) {
  std::optional<std::string_view> payload = unseal(kOrderMagic, file);
  return payload ? kSealBytes + payload->size() : 0;
}

std::string encode_progress(const OrderProgress& progress) {
  Packer packer;
  packer(progress.supervisor);
  packer(progress.started);
  return std::move(packer.bytes);
}

OrderProgress decode_progress(std::string_view file) {
  OrderProgress progress;
  size_t offset = progress_offset(file);
  if (offset == 0 || file.size() < offset + 16) return progress;
  Unpacker unpacker(file.substr(offset, 16));
  unpacker(progress.supervisor);
  unpacker(progress.started);
  return progress;
}

std::string encode_result(const TaskResult& result) {
  return encode(kResultMagic, result);
}

std::optional<TaskResult> decode_result(std::string_view file) {
  return decode<TaskResult>(kResultMagic, file);
}

}  // namespace berth::agent
