#include <utility>

#include "tests/sim/job_guest.h"

namespace berth::sim {

PushGuest::PushGuest(
    World& world,
    Process& process,
    Machine& machine,
    const agent::JobSessionSettings& settings,
    Send send)
    : world_(world),
      process_(process),
      machine_(machine),
      session_(settings),
      send_(std::move(send)) {}

void PushGuest::start() {
  machine_.listen(this);
  machine_.adopt();
  starting_ = false;
  carry_out();
}

void PushGuest::on_up() {
  session_.on_up(world_.now(), effects_);
  carry_out();
}

void PushGuest::on_down() {
  session_.on_down(world_.now(), effects_);
  carry_out();
}

bool PushGuest::on_reply(wire::RequestId id, const wire::Reply& reply) {
  const bool lost = loses_answers && id.value >= agent::kJobRequestIdFirst && world_.one_in(40);
  if (lost) return true;
  const bool ours = session_.on_reply(world_.now(), id, reply, effects_);
  if (ours) carry_out();
  return ours;
}

void PushGuest::on_task_started(wire::AssignmentId assignment) {
  session_.on_task_started(world_.now(), assignment, effects_);
  if (!starting_) carry_out();
}

void PushGuest::on_task_ended(agent::TaskResult&& result) {
  session_.on_task_ended(world_.now(), std::move(result), effects_);
  if (!starting_) carry_out();
}

void PushGuest::carry_out() {
  if (carrying_out_) return;
  carrying_out_ = true;
  for (size_t i = 0; i < effects_.size(); ++i) {
    agent::JobEffect effect = std::move(effects_[i]);
    carry_out(effect);
  }
  effects_.clear();
  carrying_out_ = false;
  arm();
}

void PushGuest::carry_out(agent::JobEffect& effect) {
  if (auto* send = std::get_if<agent::SendJobMessage>(&effect)) {
    send_(send->id, send->message);
  } else if (auto* start = std::get_if<agent::StartTask>(&effect)) {
    machine_.start(std::move(start->order));
  } else if (auto* stop = std::get_if<agent::StopOne>(&effect)) {
    machine_.stop(stop->assignment, stop->reason);
  } else if (auto* settle = std::get_if<agent::SettleTask>(&effect)) {
    machine_.settle(settle->assignment);
  } else if (auto* read = std::get_if<agent::ReadOutput>(&effect)) {
    const wire::WantLog& want = read->want;
    agent::OutputPiece piece =
        machine_.read_output(want.assignment, want.stream, want.offset, want.bytes_max);
    session_.on_output(world_.now(), want, std::move(piece), effects_);
  } else if (auto* log = std::get_if<agent::Log>(&effect)) {
    world_.say(process_.name(), log->text);
  }
}

void PushGuest::arm() {
  std::optional<Instant> deadline = session_.deadline();
  if (!deadline || deadline == armed_) return;
  armed_ = deadline;
  process_.timer(*deadline - world_.now(), [this, armed = *deadline] {
    if (armed_ != armed) return;
    armed_ = std::nullopt;
    session_.on_timer(world_.now(), effects_);
    carry_out();
  });
}

}  // namespace berth::sim
