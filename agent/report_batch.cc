#include "agent/report_batch.h"

#include <algorithm>

namespace berth::agent {

namespace {

using wire::ReportKind;

constexpr size_t kItemsMax = 2'048;
/// A frame has 1 MiB. One task says at most some 600 KiB: 66 outputs with the longest paths.
constexpr size_t kBytesMax = 256 * 1024;
constexpr size_t kItemBytes = 96;
constexpr size_t kOutputBytes = 192;
constexpr size_t kOutputsMax = 72;
constexpr size_t kMessageBytesMax = 1'024;

/// At most `bytes_max` of it, not ending inside a character.
wire::Text cut(const std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return wire::Text(text).substr(0, end);
}

}  // namespace

bool ReportBatch::has_room() const {
  return body_->items.size() < kItemsMax && bytes_ < kBytesMax;
}

void ReportBatch::add(const HeldTask& task) {
  auto plain = [this, &task](ReportKind kind) {
    wire::ReportItem item;
    item.kind = kind;
    item.assignment = task.id;
    body_->items.push_back(item);
    bytes_ += kItemBytes;
  };
  auto unsaid = [&task](ReportKind kind) {
    return (task.unsaid & bit(kind)) != 0;
  };
  if (unsaid(ReportKind::Accepted)) plain(ReportKind::Accepted);
  if (unsaid(ReportKind::Refused)) {
    plain(ReportKind::Refused);
    wire::ReportItem& item = body_->items.back();
    item.error.kind = wire::ErrorClass::Refused;
    item.error.message = cut(task.refusal, kMessageBytesMax);
    bytes_ += item.error.message.size();
  }
  if (unsaid(ReportKind::Started)) plain(ReportKind::Started);
  if (unsaid(ReportKind::Alive) && task.phase != TaskPhase::Ended) plain(ReportKind::Alive);
  if (task.phase == TaskPhase::Ended && unsaid(end_kind(task.result))) add_end(task);
}

void ReportBatch::add_end(const HeldTask& task) {
  const TaskResult& result = task.result;
  wire::ReportItem item;
  item.kind = end_kind(result);
  item.assignment = task.id;
  item.error.kind = result.error;
  item.error.exit_code = result.exit_code;
  item.error.signal = result.signal;
  item.error.message = cut(result.message, kMessageBytesMax);
  item.usage = result.usage;
  bytes_ += kItemBytes + item.error.message.size();

  std::vector<wire::OutputFile>& files = body_->outputs.emplace_back();
  for (const TaskOutput& output : result.outputs) {
    if (files.size() == kOutputsMax) break;
    files.push_back({output.name, output.path, output.bytes, output.sha256, output.truncated});
    bytes_ += kOutputBytes + output.name.size() + output.path.size();
  }
  item.outputs = files;
  body_->items.push_back(item);
}

}  // namespace berth::agent
