#include "tests/core/jobs/ledger_world.h"

#include <utility>

#include "core/base/check.h"
#include "core/plan/plan.h"
#include "wire/frame.h"

namespace berth::core {

namespace {

std::string say(const wire::Reply& reply) {
  if (const auto* placed = std::get_if<wire::Placed>(&reply)) {
    return (placed->repeated ? "again on " : "placed on ") + std::string(placed->worker);
  }
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
    return "refused: " + std::string(refused->message);
  }
  const auto* unplaced = std::get_if<wire::Unplaced>(&reply);
  BERTH_CHECK(unplaced != nullptr);
  constexpr const char* kReasons[] = {"no workers", "eliminated", "timed out", "queue full"};
  std::string text = kReasons[static_cast<size_t>(unplaced->reason)];
  if (unplaced->explanation.queue_position > 0) {
    text += " at position " + std::to_string(unplaced->explanation.queue_position);
  }
  for (const wire::Elimination& out : unplaced->explanation.eliminated) {
    text += ", " + std::string(out.requirement) + " " + std::to_string(out.workers);
  }
  return text;
}

/// What a request to place is made of; lives as long as its message is encoded.
struct PlaceMessage {
  explicit PlaceMessage(const Ask& ask) : tags(ask.tags), excluded{ask.exclude} {
    place.task = ask.task;
    place.priority = ask.priority;
    place.policy = ask.policy;
    place.wait_ms = ask.wait_ms;
    place.demand.slots = ask.slots;
    place.requirements.all_tags = tags;
    place.requirements.spread_by = ask.spread_by;
    if (!ask.exclude.empty()) place.requirements.exclude_workers = excluded;
  }

  std::vector<std::string_view> tags;
  std::vector<std::string_view> excluded;
  wire::Place place;
};

}  // namespace

void LedgerWorld::worker(TestWorker worker) {
  BeatOutcome outcome;
  owner.heartbeat(now.mono, worker.beat(), outcome);
  BERTH_CHECK(outcome.refusal == wire::Refusal::None);
}

void LedgerWorld::ask(const Ask& ask) {
  PlaceMessage message(ask);
  std::vector<std::byte> frame;
  // The request's number is the task's name, so that replies can be told apart.
  auto id = static_cast<uint32_t>(std::stoul(std::string(ask.task.substr(1))));
  encoder_.encode({id}, message.place, frame);
  frame.erase(frame.begin(), frame.begin() + wire::kFrameHeaderBytes);
  step(WaitForPlace{{ask.connection}, {id}, std::move(frame)});
}

bool LedgerWorld::place_now(std::string_view task) {
  PlaceMessage message({task});
  Query query;
  Arena text;
  std::string_view wrong;
  BERTH_CHECK(compile_query(message.place, tables.names, query, text, wrong));
  return std::holds_alternative<wire::Placed>(shard.place(now, message.place, task, query, text));
}

void LedgerWorld::release(std::string_view task) {
  wire::Release release;
  release.tasks = {&task, 1};
  BERTH_CHECK(shard.release(release).released == 1);
  freed();
}

void LedgerWorld::advance(int64_t ms) {
  now.mono = now.mono + Duration::milliseconds(ms);
  ledger.on_tick(now, effects_);
  note_replies();
}

bool LedgerWorld::plan(Budget budget) {
  std::unique_ptr<const Snapshot> frozen = snapshot();
  if (frozen == nullptr) return false;
  Rng rng(1);
  enact(make_plan(*frozen, budget, rng));
  return true;
}

void LedgerWorld::enact(const Plan& plan) {
  ledger.on_plan(now, plan, effects_);
  note_replies();
}

std::vector<std::string> LedgerWorld::said() {
  return std::exchange(said_, {});
}

void LedgerWorld::step(LedgerEvent&& event) {
  ledger.step(now, std::move(event), effects_);
  note_replies();
}

void LedgerWorld::note_replies() {
  for (const Outgoing& out : effects_.messages) {
    said_.push_back("t" + std::to_string(out.request.value) + " " + say(out.message));
  }
  effects_.clear();
}

}  // namespace berth::core
