#include "tests/sim/job_checker.h"

#include <algorithm>

#include "wire/tokens.h"

namespace berth::sim {

namespace {

using wire::JobState;
using wire::ReportKind;
using wire::Verdict;

std::string text(uint64_t number) {
  return std::to_string(number);
}

std::string text(wire::AssignmentId id) {
  return "assignment " + wire::assignment_text(id);
}

bool is_end(ReportKind kind) {
  return kind == ReportKind::Completed || kind == ReportKind::Failed ||
         kind == ReportKind::Checkpointed;
}

}  // namespace

void JobChecker::on_started(Server& server) {
  server_ = &server;
  committed_ = durable_ = 0;
  workers_.clear();
  reports_.clear();
  attaching_.clear();
  changing_.clear();
  submitting_.clear();
  models_.rebuild(server.disk());
  check_acknowledged(server);
}

void JobChecker::check_acknowledged(Server& server) {
  for (const auto& [request, ranges] : submits_) {
    for (const wire::JobRange& range : ranges) {
      for (uint64_t id = range.first.value; id <= range.last.value; ++id) {
        if (server.disk().find(id) != nullptr || server_->disk().was_dropped(id)) continue;
        return world_.fail(
            "job " + text(id) + " of submit " + request + " was acknowledged and is lost");
      }
    }
  }
  for (uint64_t id : completed_) {
    const StoredJob* job = server.disk().find(id);
    if (job == nullptr ? server_->disk().was_dropped(id)
                       : job->progress.plain.state == JobState::Completed) {
      continue;
    }
    return world_.fail("the completion of job " + text(id) + " was acknowledged and is lost");
  }
}

// ---- What comes in ------------------------------------------------------------------------------

void JobChecker::on_job_request(
    Server& server, wire::ConnectionId from, wire::RequestId id, const wire::Request& request) {
  const Key key = {from.value, id.value};
  const uint64_t turn = server.turn();
  if (const auto* submit = std::get_if<wire::SubmitJobs>(&request)) {
    submitting_[key] = std::string(submit->request);
  } else if (const auto* report = std::get_if<wire::Report>(&request)) {
    Reported& asked = reports_[key];
    asked = {turn, {}};
    for (const wire::ReportItem& item : report->items)
      asked.items.emplace_back(item.assignment, item.kind);
  } else if (const auto* attach = std::get_if<wire::AttachWorker>(&request)) {
    attaching_[key] = {turn, {attach->running.begin(), attach->running.end()}};
    workers_[from.value] = std::string(attach->worker);
  } else if (const auto* change = std::get_if<wire::ChangeJobs>(&request)) {
    if (change->action == wire::JobAction::Abort && change->worker.empty()) {
      Changing& asked = changing_[key] = {turn, {}};
      for (const wire::JobRange& range : change->jobs) {
        for (uint64_t job = range.first.value; job <= range.last.value; ++job) {
          if (models_.find(job) != nullptr) asked.jobs.push_back(job);
        }
      }
    }
  }
}

// ---- Groups -------------------------------------------------------------------------------------

void JobChecker::on_turn_end(
    Server& server, const core::StoreBatch& group, const core::Effects& effects) {
  const uint64_t turn = server.turn();
  models_.add(group);
  for (const wire::JobEvent& event : group.events) {
    check(models_.apply(event, turn));
    if (event.state != JobState::Assigned) tell(server, event);
  }
  for (const core::AttemptRecord& attempt : group.attempts)
    check(models_.apply(attempt, turn));
  for (const core::JobRecord& job : group.jobs)
    check(models_.check_row(job.id.value, job.progress, turn));
  for (const core::JobChange& change : group.changes)
    check(models_.check_row(change.id.value, change.progress, turn));
  for (wire::JobId job : group.dropped_jobs)
    models_.drop(job.value);
  if (!group.empty()) committed_ = group.sequence;
  // By worker they come; in the order of their epochs they were made.
  std::map<uint64_t, std::pair<wire::Assignment, std::string>> made;
  std::map<std::string, JobModel> taken;  // by worker: what its new jobs take together
  for (const core::Outgoing& message : effects.messages) {
    const auto* given = std::get_if<wire::Assignments>(&message.message);
    if (given == nullptr || given->items.empty()) continue;
    const std::string& worker = workers_[message.to.value];
    for (const wire::Assignment& one : given->items) {
      if (!made.try_emplace(one.id.epoch, one, worker).second) world_.fail("two leases, one epoch");
    }
  }
  for (const auto& [epoch, one] : made) {
    const auto& [assignment, worker] = one;
    std::string gpus;
    for (uint16_t gpu : assignment.gpus)
      gpus += ", device " + text(gpu);
    world_.say(
        server.name(), "assigns " + wire::assignment_text(assignment.id) + " to " + worker + gpus);
    check(models_.assign(assignment, worker, turn));
    const JobModel* job = models_.find(assignment.id.job.value);
    if (job == nullptr) return;
    JobModel& sum = taken[worker];
    sum.slots += job->slots;
    sum.cpu_milli += job->cpu_milli;
    sum.memory_mib += job->memory_mib;
    sum.gpu_milli += job->gpu_milli;
  }
  for (const auto& [worker, sum] : taken)
    check_capacity(server, worker, sum);
}

/// Of what the new jobs take: a worker that shrank may be over in the rest. Leases that were read
/// back count as well, unless there was no room to claim them again.
void JobChecker::check_capacity(Server& server, const std::string& worker, const JobModel& taken) {
  std::optional<RowView> row = server.show(worker);
  if (!row) return world_.fail("jobs were assigned to " + worker + ", which is not registered");
  if (row->status == wire::WorkerStatus::Offline || row->cordoned || row->draining) {
    return world_.fail("jobs were assigned to " + worker + ", which takes none");
  }
  const bool some_unclaimed = server.tables().counters.total(core::Counter::LeasesUnclaimed) > 0;
  int64_t slots = 0, cpu = 0, memory = 0;
  std::map<uint16_t, int64_t> gpus;
  for (auto& [id, job] : models_.all()) {
    if (job.epoch == 0) continue;
    const Lease& lease = job.leases[job.epoch];
    if (lease.worker != worker || (some_unclaimed && !lease.of_this_life)) continue;
    slots += job.slots;
    cpu += job.cpu_milli;
    memory += job.memory_mib;
    for (uint16_t gpu : lease.gpus)
      gpus[gpu] += job.gpu_milli;
  }
  const auto check_one = [&](const char* what, int64_t asked, int64_t used, int64_t capacity) {
    if (asked == 0 || used <= capacity) return;
    world_.fail(
        worker + " was given " + std::to_string(used) + " " + what + " of " +
        std::to_string(capacity));
  };
  check_one("slots", taken.slots, slots, row->capacity.slots);
  check_one("milli cores", taken.cpu_milli, cpu, row->capacity.cpu_milli);
  check_one("MiB", taken.memory_mib, memory, row->capacity.memory_mib);
  for (const auto& [gpu, milli] : gpus)
    check_one("milli devices", taken.gpu_milli, milli, 1'000);
}

void JobChecker::tell(Server& server, const wire::JobEvent& event) {
  std::string line = "job " + text(event.job.value);
  if (event.count > 1) line += "-" + text(event.job.value + event.count - 1);
  line += " " + std::string(wire::job_state_token(event.state));
  if (!event.reason.empty()) line += ": " + std::string(event.reason);
  world_.say(server.name(), line);
}

void JobChecker::on_durable(Server& server, const core::StoreBatch& group) {
  durable_ = group.sequence;
  if (durable_ == committed_ && durable_ % 4 == 0) check(models_.check_disk(server.disk()));
}

// ---- What goes out ------------------------------------------------------------------------------

void JobChecker::on_job_messages(Server& server, const core::Effects& effects) {
  for (const core::Outgoing& message : effects.messages) {
    const Key key = {message.to.value, message.request.value};
    if (const auto* submitted = std::get_if<wire::JobsSubmitted>(&message.message)) {
      on_submitted(server, submitting_[key], *submitted);
      submitting_.erase(key);
    } else if (const auto* reported = std::get_if<wire::Reported>(&message.message)) {
      on_reported(server, reports_[key], *reported);
      reports_.erase(key);
    } else if (const auto* attached = std::get_if<wire::Attached>(&message.message)) {
      on_attached(attaching_[key], *attached);
      attaching_.erase(key);
    } else if (std::holds_alternative<wire::JobsChanged>(message.message)) {
      on_aborted(server, changing_[key]);
      changing_.erase(key);
    } else if (const auto* events = std::get_if<wire::JobEvents>(&message.message)) {
      on_events(server, *events);
    }
  }
}

void JobChecker::on_submitted(
    Server& server, const std::string& request, const wire::JobsSubmitted& reply) {
  std::vector<wire::JobRange> ranges;
  for (const wire::SubmittedJob& job : reply.jobs) {
    ranges.push_back({job.first, {job.first.value + job.count - 1}});
    for (uint64_t id = job.first.value; id < job.first.value + job.count; ++id) {
      if (server.disk().find(id) != nullptr || server_->disk().was_dropped(id)) continue;
      return world_.fail("job " + text(id) + " was acknowledged before it was durable");
    }
  }
  repeated_submits += reply.repeated;
  if (request.empty()) return;
  auto [known, fresh] = submits_.emplace(request, ranges);
  if (!fresh && known->second != ranges) world_.fail("submit " + request + " was taken twice");
}

const Lease* JobChecker::lease(wire::AssignmentId id) {
  JobModel* job = models_.find(id.job.value);
  if (job == nullptr) return nullptr;
  auto found = job->leases.find(id.epoch);
  return found == job->leases.end() ? nullptr : &found->second;
}

void JobChecker::on_reported(Server& server, const Reported& report, const wire::Reported& reply) {
  if (reply.verdicts.size() != report.items.size()) {
    return world_.fail("a report was answered with too few verdicts, or too many");
  }
  for (size_t i = 0; i < report.items.size(); ++i) {
    const auto& [id, kind] = report.items[i];
    on_verdict(server, report.turn, id, kind, static_cast<Verdict>(reply.verdicts[i]));
  }
}

void JobChecker::on_verdict(
    Server& server, uint64_t turn, wire::AssignmentId id, ReportKind kind, Verdict verdict) {
  if (kind == ReportKind::Accepted) return on_accepted(server, turn, id, verdict);
  if (is_end(kind)) return on_ended(server, turn, id, kind, verdict);
  const Lease* of = lease(id);
  if (kind == ReportKind::Refused || of == nullptr) return;
  if (turn == server.turn()) return;  // answered at once: what this turn did is not told yet
  if (verdict == Verdict::Stale && of->ended == 0 && of->begun < turn) {
    world_.fail(text(id) + " lives, and its worker was told that it is stale");
  }
}

void JobChecker::on_accepted(
    Server& server, uint64_t turn, wire::AssignmentId id, Verdict verdict) {
  const Lease* of = lease(id);
  if (verdict == Verdict::Stale) {
    if (of != nullptr && of->ended == 0 && of->begun < turn) {
      world_.fail(text(id) + " lives, and its ack was refused");
    }
    return;
  }
  if (of == nullptr || (of->ended != 0 && of->ended < turn)) {
    return world_.fail(text(id) + " was over, and its ack was taken");
  }
  if (!server.disk().knows(id) && !server_->disk().was_dropped(id.job.value)) {
    world_.fail("the ack of " + text(id) + " was answered before it was durable");
  }
}

void JobChecker::on_ended(
    Server& server, uint64_t turn, wire::AssignmentId id, ReportKind kind, Verdict verdict) {
  const Lease* of = lease(id);
  const uint64_t job = id.job.value;
  if (server_->disk().was_dropped(job) || models_.find(job) == nullptr) return;
  if (verdict == Verdict::Stale) {
    if (of != nullptr && of->ended == 0 && of->begun < turn) {
      world_.fail(text(id) + " lives, and its end was refused");
    }
    return;
  }
  if (of == nullptr || of->ended == 0) return world_.fail(text(id) + " ended, and lives on");
  if (of->how == JobState::Lost ||
      (of->how == JobState::Pending && kind == ReportKind::Completed)) {
    return world_.fail(
        text(id) + " was taken away (" + std::string(wire::job_state_token(of->how)) +
        "), and a report of its end was taken");
  }
  if (of->how == JobState::Aborted) return;
  const StoredAttempt* stored = server.disk().attempt(job, id.epoch);
  if (stored == nullptr || stored->plain.finished_at_ms == 0) {
    return world_.fail("the end of " + text(id) + " was acknowledged before it was durable");
  }
  if (kind != ReportKind::Completed) return;
  const StoredJob* row = server.disk().find(job);
  if (row == nullptr || row->progress.plain.state != JobState::Completed) {
    return world_.fail("job " + text(job) + " completed, was acknowledged, and is not COMPLETED");
  }
  completed_.insert(job);
  auto [first, fresh] = completion_.emplace(job, id.epoch);
  if (!fresh && first->second != id.epoch) {
    world_.fail("two attempts have completed job " + text(job));
  }
}

void JobChecker::on_attached(const Attaching& attach, const wire::Attached& reply) {
  if (reply.verdicts.size() != attach.running.size()) {
    return world_.fail("an attach was answered with too few verdicts, or too many");
  }
  for (size_t i = 0; i < attach.running.size(); ++i) {
    const wire::AssignmentId id = attach.running[i];
    const Lease* of = lease(id);
    const bool kept = static_cast<Verdict>(reply.verdicts[i]) != Verdict::Stale;
    // Several letters in one turn: what came after the attach may have ended it.
    const uint64_t last = merged_turns_ ? attach.turn : attach.turn + 1;
    if (kept && (of == nullptr || (of->ended != 0 && of->ended < last))) {
      return world_.fail(text(id) + " was over, and its worker was told to go on");
    }
    if (!kept && of != nullptr && of->ended == 0 && of->begun < attach.turn) {
      return world_.fail(text(id) + " lives, and its worker was told to stop it");
    }
  }
}

void JobChecker::on_aborted(Server& server, const Changing& change) {
  for (uint64_t id : change.jobs) {
    const StoredJob* stored = server.disk().find(id);
    const JobModel* job = models_.find(id);
    if (stored == nullptr || job == nullptr || job->revived >= change.turn) continue;
    if (is_over(stored->progress.plain.state)) continue;
    return world_.fail("job " + text(id) + " was aborted, it was said, and is not");
  }
}

void JobChecker::on_events(Server& server, const wire::JobEvents& events) {
  for (const wire::JobEvent& event : events.events) {
    if (server.disk().events().contains(event.sequence)) continue;
    return world_.fail("event " + text(event.sequence) + " was told before it was durable");
  }
}

/// Of an earlier life of the server, and not among what it read back.
bool JobChecker::was_in_passing(const wire::JobEvent& event) const {
  return core::is_in_passing(event) && event.sequence >> 40 < server_->disk().starts();
}

void JobChecker::on_watched(uint64_t before, const wire::JobEvent& event) {
  const auto& events = server_->disk().events();
  auto found = events.find(event.sequence);
  if (found == events.end() || found->second.plain.job != event.job ||
      found->second.plain.state != event.state) {
    return world_.fail("a watcher was told of event " + text(event.sequence) + ", which never was");
  }
  if (before == 0) return;
  auto next = events.upper_bound(before);
  while (next != found && next != events.end() && was_in_passing(next->second.plain))
    ++next;
  if (next != found) {
    world_.fail("a watcher was told of event " + text(event.sequence) + " after " + text(before));
  }
}

void JobChecker::on_task_started(const Machine& machine, wire::AssignmentId id) {
  world_.say(machine.name(), "runs " + wire::assignment_text(id));
  if (!started_.insert(id).second) return world_.fail(text(id) + " was started twice");
  const SimDisk& disk = server_->disk();
  if (!disk.knows(id) && !disk.was_dropped(id.job.value)) {
    return world_.fail(text(id) + " was started before its ack was durable");
  }
  const Lease* of = lease(id);
  if (of != nullptr && !machine.name().starts_with(of->worker)) {
    world_.fail(text(id) + " of " + of->worker + " was started on " + machine.name());
  }
}

void JobChecker::on_task_ended(const Machine& machine, const agent::TaskResult& result) {
  world_.say(
      machine.name(),
      "ended " + wire::assignment_text(result.assignment) + " (" +
          std::string(wire::error_class_token(result.error)) + ")");
}

// ---- The end ------------------------------------------------------------------------------------

std::string JobChecker::unfinished() {
  size_t left = 0;
  std::string first;
  for (const auto& [id, job] : models_.all()) {
    if (is_over(job.state)) continue;
    if (left++ == 0)
      first = "job " + text(id) + " is " + std::string(wire::job_state_token(job.state));
  }
  return left == 0 ? "" : first + ", and " + text(left - 1) + " others have not ended";
}

void JobChecker::check_end(Server& server) {
  check_acknowledged(server);
  check(models_.check_disk(server.disk()));
  wire::ListJobs list;
  size_t told = 0;
  do {
    core::Effects effects;
    server.ask_jobs(list, effects);
    const auto* page = effects.messages.empty()
                           ? nullptr
                           : std::get_if<wire::JobPage>(&effects.messages[0].message);
    if (page == nullptr) return world_.fail(server.name() + " does not list its jobs");
    for (const wire::JobRow& row : page->rows) {
      told += row.array_count;
      const StoredJob* stored = server.disk().find(row.id.value);
      if (stored != nullptr && stored->progress.plain.state == row.state) continue;
      return world_.fail("job " + text(row.id.value) + " is not what the disk says");
    }
    list.cursor = page->next_cursor;
  } while (list.cursor != 0);
  if (told != models_.all().size()) {
    world_.fail("the ledger lists " + text(told) + " jobs of " + text(models_.all().size()));
  }
}

}  // namespace berth::sim
