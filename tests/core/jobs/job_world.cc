#include "tests/core/jobs/job_world.h"

#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "wire/tokens.h"

namespace berth::core {

namespace {

std::string short_name(wire::AssignmentId id) {
  return "j" + std::to_string(id.job.value) + "." + std::to_string(id.attempt);
}

std::string plural(uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what);
}

}  // namespace

JobWorld::JobWorld(JobSettings chosen, uint64_t seed) : settings(chosen), seed_(seed) {
  boot();
}

void JobWorld::boot() {
  tables = std::make_unique<Tables>(table_settings);
  owner =
      std::make_unique<Partition>(wire::ShardId{0}, tables->fleet, tables->names, tables->settings);
  ledger = std::make_unique<JobLedger>(*tables, settings, seed_++);
  store.load(*ledger);
  ledger->start(now);
}

void JobWorld::begin_anew(const JobSettings& chosen) {
  settings = chosen;
  store = StoreModel();
  workers.clear();
  silent.clear();
  assigned.clear();
  stopped.clear();
  watched.clear();
  submitted.clear();
  said_.clear();
  batches_.clear();
  effects_.clear();
  boot();
}

void JobWorld::restart() {
  batches_.clear();
  effects_.clear();
  durable_ = 0;
  boot();
  for (auto& [id, worker] : workers) {
    worker.sequence = 0;
    if (!silent.contains(id)) beat(worker);
  }
}

void JobWorld::worker(std::string_view id, int64_t slots, std::vector<std::string> tags) {
  TestWorker& worker = workers[std::string(id)];
  worker.id = id;
  worker.tags = std::move(tags);
  worker.tags.emplace_back("runner:process");
  worker.slots = slots;
  beat(worker);
}

void JobWorld::beat(TestWorker& worker) {
  BeatOutcome outcome;
  owner->heartbeat(now.mono, worker.beat(), outcome);
  ASSERT_EQ(outcome.refusal, wire::Refusal::None) << outcome.message;
  if (outcome.change) changed(worker.id, *outcome.change);
  if (outcome.freed) ledger->on_capacity_freed();
}

void JobWorld::changed(std::string_view id, wire::WorkerChange change) {
  WorkerChanged event{std::string(id), change, {}, 0};
  if (auto row = owner->find(id)) {
    event.row = *row;
    event.generation = get(tables->fleet.segment(segment_of(*row)).rows[row_of(*row)].generation);
  }
  ledger->on_worker_changed(now, event, effects_);
}

void JobWorld::attach(
    std::string_view id,
    uint64_t connection,
    std::vector<wire::AssignmentId> running,
    bool pull,
    uint64_t nonce,
    uint64_t life) {
  ask(connection, wire::AttachWorker{id, life, nonce, pull, running});
}

void JobWorld::report(
    uint64_t connection,
    std::string_view id,
    wire::ReportKind kind,
    wire::AssignmentId assignment,
    wire::ErrorClass error) {
  wire::ReportItem item;
  item.kind = kind;
  item.assignment = assignment;
  item.error.kind = error;
  if (error != wire::ErrorClass::None) item.error.message = "it said so";
  ask(connection, wire::Report{id, {&item, 1}});
}

void JobWorld::ask(uint64_t connection, const wire::Request& request) {
  ledger->step(now, {connection}, {next_request++}, request, effects_);
}

void JobWorld::submit(
    uint64_t connection,
    const std::vector<TestJob>& jobs,
    std::string_view request,
    bool refuse_unsatisfiable) {
  std::vector<std::vector<uint64_t>> memory;
  std::vector<std::span<const std::byte>> specs;
  for (const TestJob& job : jobs) {
    wire::JobSpec spec;
    const std::string_view command[] = {"true"};
    spec.command = command;
    spec.name = job.name;
    spec.priority = job.priority;
    spec.attempts_max = job.attempts_max;
    spec.retry_base_ms = job.retry_base_ms;
    spec.retry_cap_ms = job.retry_cap_ms;
    spec.demand.slots = job.slots;
    spec.timeout_ms = job.timeout_ms;
    spec.estimated_ms = job.estimated_ms;
    if (job.deadline_in_ms > 0) spec.deadline_at_ms = now.wall_ms + job.deadline_in_ms;
    spec.demand.memory_mib = job.memory_mib;
    spec.demand.gpu_count = job.gpus;
    if (job.gpus > 0) spec.demand.gpu_milli = job.gpu_milli;
    if (job.scheduled_in_ms > 0) spec.scheduled_at_ms = now.wall_ms + job.scheduled_in_ms;
    spec.requirements.all_tags = job.tags;
    spec.depends_on = job.depends_on;
    spec.depends_on_items = job.depends_on_items;
    spec.is_array = job.array > 0;
    if (job.array > 0) spec.array_last = job.array - 1;
    const std::span<const std::byte> bytes = encoder_.encode(spec);
    std::vector<uint64_t>& copy = memory.emplace_back((bytes.size() + 7) / 8);
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    specs.push_back(std::as_bytes(std::span(copy)).first(bytes.size()));
  }
  ask(connection, wire::SubmitJobs{request, specs, refuse_unsatisfiable});
}

void JobWorld::close(uint64_t connection) {
  ledger->on_closed(now, {connection}, effects_);
}

void JobWorld::drain() {
  ledger->on_drain(now, effects_);
}

void JobWorld::turn() {
  while (part_of_turn()) {}
  if (!hold_durable) durable();
}

bool JobWorld::part_of_turn() {
  StoreBatch group;
  const bool done = ledger->end_turn(now, group, effects_);
  note(effects_);
  if (!group.empty()) batches_.push_back(std::move(group));
  return !done;
}

std::optional<JobPlan> JobWorld::make_plan(uint64_t steps) {
  std::unique_ptr<JobSnapshot> snapshot = ledger->take_snapshot(now);
  if (snapshot == nullptr) return std::nullopt;
  return plan_jobs(std::move(snapshot), steps);
}

void JobWorld::durable() {
  for (StoreBatch& batch : std::exchange(batches_, {})) {
    store.commit(batch);
    ledger->on_durable(now, batch.sequence, effects_);
  }
  note(effects_);
  EXPECT_EQ(ledger->groups_open(), 0u);
}

void JobWorld::advance(int64_t ms) {
  now.mono = now.mono + Duration::milliseconds(ms);
  now.wall_ms += ms;
  for (auto& [id, worker] : workers) {
    if (!silent.contains(id)) beat(worker);
  }
  std::vector<Change> changes;
  if (owner->age(now.mono, changes)) ledger->on_capacity_freed();
  for (const Change& one : changes)
    changed(one.worker, one.change);
  ledger->on_tick(now, effects_);
  turn();
}

void JobWorld::note(Effects& effects) {
  for (const Outgoing& out : effects.messages) {
    said_.push_back("c" + std::to_string(out.to.value) + ": " + line_of(out.message));
  }
  for (const Cooldown& cooldown : effects.cooldowns) {
    if (owner->set_cooldown(now.mono, cooldown.worker, cooldown.until)) {
      ledger->on_capacity_freed();
    }
  }
  effects.clear();
}

std::string JobWorld::line_of(const wire::Reply& reply) {
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
    return "refused " + std::string(refusal_token(refused->code)) + ": " +
           std::string(refused->message);
  }
  if (const auto* done = std::get_if<wire::JobsSubmitted>(&reply)) {
    submitted.insert(submitted.end(), done->jobs.begin(), done->jobs.end());
    std::string line = done->repeated ? "submitted again" : "submitted";
    for (const wire::SubmittedJob& job : done->jobs) {
      line += " j" + std::to_string(job.first.value);
      if (job.count > 1) line += "+" + std::to_string(job.count);
      if (job.unsatisfiable) line += " (unsatisfiable)";
    }
    return line;
  }
  if (const auto* assignments = std::get_if<wire::Assignments>(&reply)) {
    std::string line = "run";
    for (const wire::Assignment& one : assignments->items) {
      assigned.push_back(one.id);
      line += " " + short_name(one.id);
    }
    return line;
  }
  if (const auto* stop = std::get_if<wire::StopTasks>(&reply)) {
    std::string line = "stop";
    for (const wire::StopTask& one : stop->items) {
      stopped.push_back(one.assignment);
      line += " " + short_name(one.assignment) + " (" + std::string(one.reason) + ")";
    }
    return line;
  }
  const auto note_verdicts = [&](std::span<const uint8_t> list) {
    verdicts.assign(list.begin(), list.end());
    std::string line;
    for (uint8_t verdict : list)
      line += " " + std::string(verdict_token(static_cast<wire::Verdict>(verdict)));
    return line;
  };
  if (const auto* attached = std::get_if<wire::Attached>(&reply)) {
    return "attached" + note_verdicts(attached->verdicts);
  }
  if (const auto* reported = std::get_if<wire::Reported>(&reply)) {
    return "reported" + note_verdicts(reported->verdicts);
  }
  if (const auto* told = std::get_if<wire::JobEvents>(&reply)) {
    std::string line = "events";
    for (const wire::JobEvent& event : told->events) {
      wire::JobEvent copy = event;
      copy.reason = copy.worker = {};
      watched.push_back(copy);
      line +=
          " j" + std::to_string(event.job.value) + " " + std::string(job_state_token(event.state));
    }
    return line;
  }
  if (const auto* change = std::get_if<wire::JobsChanged>(&reply)) {
    return plural(change->changed, "changed, ") + plural(change->unchanged, "unchanged, ") +
           plural(change->unknown, "unknown");
  }
  if (const auto* counted = std::get_if<wire::JobCounts>(&reply)) {
    counts = *counted;
    return counted->done ? "all ended" : "some live";
  }
  if (const auto* details = std::get_if<wire::JobDetails>(&reply)) {
    shown = *details;
    shown_worker = details->row.worker;
    return "job " + std::to_string(details->row.id.value) + " " +
           std::string(job_state_token(details->row.state));
  }
  if (const auto* why = std::get_if<wire::JobExplanation>(&reply)) {
    explained = *why;
    return "held by " + std::string(job_hold_token(why->hold));
  }
  if (const auto* list = std::get_if<wire::JobPage>(&reply)) {
    page.assign(list->rows.begin(), list->rows.end());
    std::string line = "page";
    for (const wire::JobRow& row : list->rows) {
      line += " j" + std::to_string(row.id.value);
      if (row.array_count > 1) line += "+" + std::to_string(row.array_count);
      line += " " + std::string(job_state_token(row.state));
    }
    if (list->next_cursor != 0) line += " next " + std::to_string(list->next_cursor);
    return line;
  }
  if (const auto* plans = std::get_if<wire::PlanPage>(&reply)) {
    std::string line = "plans";
    for (const wire::PlanRow& row : plans->rows) {
      line += " p" + std::to_string(row.id) + " " + std::string(plan_outcome_token(row.outcome));
      if (!row.note.empty()) line += " (" + std::string(row.note) + ")";
      last_plan = row;
      last_plan.engine = last_plan.note = {};
      last_plan.cost.terms = {};
    }
    return line;
  }
  if (const auto* plan = std::get_if<wire::PlanDetails>(&reply)) {
    std::string line = "plan";
    for (const wire::PlannedJob& job : plan->jobs) {
      line += " j" + std::to_string(job.job.value) + " " + std::string(job.worker);
      for (uint16_t gpu : job.gpus)
        line += " gpu" + std::to_string(gpu);
    }
    return line;
  }
  if (const auto* want = std::get_if<wire::WantLog>(&reply)) {
    return "want log " + short_name(want->assignment) + " ticket " + std::to_string(want->ticket);
  }
  if (const auto* chunk = std::get_if<wire::LogChunk>(&reply)) {
    if (chunk->attempt == 0) return "log: no attempt yet";
    return "log " +
           std::string(reinterpret_cast<const char*>(chunk->data.data()), chunk->data.size());
  }
  if (const auto* no = std::get_if<wire::Unplaced>(&reply)) {
    return "unplaced: " + std::string(no_place_token(no->reason));
  }
  if (std::holds_alternative<wire::Done>(reply)) return "done";
  return "kind " + std::to_string(reply.index());
}

std::vector<std::string> JobWorld::said() {
  return std::exchange(said_, {});
}

wire::AssignmentId JobWorld::last_assignment(uint64_t job) const {
  for (size_t i = assigned.size(); i-- > 0;) {
    if (assigned[i].job.value == job) return assigned[i];
  }
  return {};
}

std::optional<wire::JobState> JobWorld::state_of(uint64_t job) {
  std::vector<std::string> before = std::exchange(said_, {});
  shown.reset();
  ask(999, wire::ShowJob{{job}});
  turn();
  said_ = std::move(before);
  if (!shown) return std::nullopt;
  return shown->row.state;
}

std::vector<std::string> JobWorld::events() {
  std::vector<std::string> lines;
  for (const wire::JobEvent& event : watched) {
    lines.push_back(
        "j" + std::to_string(event.job.value) + " " + std::string(job_state_token(event.state)));
  }
  watched.clear();
  return lines;
}

}  // namespace berth::core
