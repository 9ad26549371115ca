#include "tests/agent/job_talk.h"

#include <gtest/gtest.h>

namespace berth::agent {

namespace {

JobSessionSettings named(JobSessionSettings settings) {
  settings.worker = "w1";
  settings.life = 7;
  settings.nonce = 99;
  return settings;
}

std::string text(wire::AssignmentId id) {
  return std::to_string(id.job.value) + "." + std::to_string(id.attempt);
}

std::vector<uint8_t> bytes(const std::vector<wire::Verdict>& verdicts) {
  std::vector<uint8_t> numbers;
  for (wire::Verdict verdict : verdicts)
    numbers.push_back(static_cast<uint8_t>(verdict));
  return numbers;
}

constexpr const char* kKinds[] = {
    "accepted", "refused", "started", "alive", "completed", "failed", "checkpointed"};

constexpr wire::Text kCommand[] = {"true"};

}  // namespace

JobTalk::JobTalk(JobSessionSettings settings) : session(named(std::move(settings))) {}

wire::JobSpec JobTalk::plain() {
  wire::JobSpec spec;
  spec.command = kCommand;
  return spec;
}

std::vector<std::string> JobTalk::told(core::Instant now) {
  for (int turns = 0; turns < 100; ++turns) {
    std::optional<core::Instant> deadline = session.deadline();
    if (!deadline || *deadline > now) break;
    session.on_timer(now, effects);
  }
  std::vector<std::string> lines;
  for (const JobEffect& effect : effects)
    lines.push_back(line(effect));
  effects.clear();
  return lines;
}

std::string JobTalk::line(const JobEffect& effect) {
  if (const auto* start = std::get_if<StartTask>(&effect)) {
    return "start " + text(start->order.assignment);
  }
  if (const auto* stop = std::get_if<StopOne>(&effect)) {
    bool lost = stop->reason == wire::ErrorClass::Lost;
    return "stop " + text(stop->assignment) + (lost ? " lost" : "");
  }
  if (const auto* settle = std::get_if<SettleTask>(&effect)) {
    return "settle " + text(settle->assignment);
  }
  if (const auto* read = std::get_if<ReadOutput>(&effect)) {
    return "read " + std::to_string(read->want.ticket);
  }
  if (const auto* log = std::get_if<Log>(&effect)) return "log " + log->text;
  const auto& send = std::get<SendJobMessage>(effect);
  EXPECT_GE(send.id.value, kJobRequestIdFirst);
  if (const auto* attach = std::get_if<wire::AttachWorker>(&send.message)) {
    attach_id = send.id;
    EXPECT_EQ(attach->worker, "w1");
    EXPECT_EQ(attach->life, 7u);
    EXPECT_EQ(attach->nonce, 99u);
    std::string line = "attach";
    for (wire::AssignmentId held : attach->running)
      line += " " + text(held);
    return line;
  }
  if (const auto* piece = std::get_if<wire::LogPiece>(&send.message)) {
    piece_id = send.id;
    log_text.assign(
        reinterpret_cast<const char*>(piece->chunk.data.data()), piece->chunk.data.size());
    return "piece " + std::to_string(piece->ticket);
  }
  report_id = send.id;
  report_ids.push_back(send.id);
  return line(std::get<wire::Report>(send.message));
}

std::string JobTalk::line(const wire::Report& report) {
  std::string line = "report";
  for (const wire::ReportItem& item : report.items) {
    line += std::string(line == "report" ? " " : ", ") + kKinds[static_cast<int>(item.kind)] + " " +
            text(item.assignment);
    if (!item.error.message.empty()) line += " (" + std::string(item.error.message) + ")";
  }
  return line;
}

void JobTalk::come_up(core::Instant now) {
  session.on_up(now, effects);
  (void)told(now);
  attached(now);
}

void JobTalk::attached(core::Instant now, std::vector<wire::Verdict> verdicts) {
  std::vector<uint8_t> numbers = bytes(verdicts);
  wire::Attached reply;
  reply.lease_ms = 30'000;
  reply.verdicts = numbers;
  EXPECT_TRUE(session.on_reply(now, attach_id, reply, effects));
}

void JobTalk::reported(core::Instant now, std::vector<wire::Verdict> verdicts) {
  std::vector<uint8_t> numbers = bytes(verdicts);
  wire::Reported reply;
  reply.verdicts = numbers;
  EXPECT_TRUE(session.on_reply(now, report_id, reply, effects));
}

void JobTalk::refuse(core::Instant now, wire::RequestId id, wire::Refusal code, wire::Text why) {
  EXPECT_TRUE(session.on_reply(now, id, wire::Refused{code, why}, effects));
}

void JobTalk::push(core::Instant now, wire::AssignmentId assignment, wire::JobSpec spec) {
  wire::Assignment item;
  item.id = assignment;
  item.spec = specs_.encode(spec);
  item.expires_in_ms = 10'000;
  wire::Assignments message;
  message.items = {&item, 1};
  EXPECT_TRUE(session.on_reply(now, {0}, message, effects));
}

void JobTalk::stop(core::Instant now, wire::AssignmentId assignment) {
  wire::StopTask item{assignment, "asked for"};
  wire::StopTasks message;
  message.items = {&item, 1};
  EXPECT_TRUE(session.on_reply(now, {0}, message, effects));
}

void JobTalk::want_log(core::Instant now, uint64_t ticket, uint32_t wait_ms) {
  wire::WantLog want;
  want.ticket = ticket;
  want.wait_ms = wait_ms;
  EXPECT_TRUE(session.on_reply(now, {0}, want, effects));
}

void JobTalk::run(core::Instant now, wire::AssignmentId assignment) {
  push(now, assignment);
  (void)told(now);
  reported(now);
  session.on_task_started(now, assignment, effects);
  (void)told(now);
  reported(now);
  EXPECT_TRUE(told(now).empty());
}

}  // namespace berth::agent
