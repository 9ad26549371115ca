#include <algorithm>
#include <string>
#include <utility>

#include "core/jobs/ledger_state.h"
#include "core/jobs/submit_digest.h"

namespace berth::core {

namespace {

using wire::Refusal;

/// Distinct explanations of one answer: it has to fit a frame, and each is a look at all workers.
constexpr size_t kExplanationsMax = 4;

/// Forecasts of one answer: people submit a few jobs at a time, and programs many.
constexpr size_t kForecastsMax = 8;

uint32_t count_of(const wire::JobSpec& spec) {
  return spec.is_array ? spec.array_last - spec.array_first + 1 : 1;
}

uint64_t digest_of(const wire::SubmitJobs& submit) {
  return submit.digest != 0 ? submit.digest : submit_digest(submit.specs);
}

}  // namespace

void JobLedger::State::on(const Call& call, const wire::SubmitJobs& submit) {
  if (!submit.request.empty()) {
    const SubmitBook::Submit* known = submits.find(submit.request);
    if (known != nullptr) return repeat(call, submit, *known);
  }
  if (!may_submit(call, submit)) return;
  SubmitBook::Jobs admitted;
  std::vector<wire::SubmittedJob> answer;
  std::vector<JobClass> explained;
  for (std::span<const std::byte> bytes : submit.specs) {
    Job& job = admit(call.now, bytes, admitted);
    admitted.push_back({job.id, {job.id.value + job.count - 1}});
    wire::SubmittedJob& told = answer.emplace_back();
    told.first = job.id;
    told.count = job.count;
    told.unsatisfiable = job.unsatisfiable;
    if (answer.size() <= kForecastsMax) {
      told.forecast = forecast_of(call.now, job, classes.read(job.spec.bytes()));
    }
    if (!job.unsatisfiable || explained.size() == kExplanationsMax) continue;
    if (job.queued && std::find(explained.begin(), explained.end(), job.like) != explained.end()) {
      continue;
    }
    explained.push_back(job.like);
    told.explanation = classes.explain_unsatisfiable(classes.read(job.spec.bytes()), outbox.text());
    call.effects.looked_at += told.explanation.workers;
  }
  if (!submit.request.empty()) {
    StoreBatch& rows = outbox.rows();
    const uint64_t digest = digest_of(submit);
    rows.submits.push_back(
        {rows.text.keep(submit.request),
         call.now.wall_ms,
         rows.text.keep_all<wire::JobRange>(admitted),
         digest});
    submits.add(submit.request, call.now.wall_ms, {std::move(admitted), digest});
  }
  reply(call, wire::JobsSubmitted{outbox.text().keep_all<wire::SubmittedJob>(answer), false});
}

/// The first answer may not be safe yet; this one leaves after it.
void JobLedger::State::repeat(
    const Call& call, const wire::SubmitJobs& submit, const SubmitBook::Submit& known) {
  if (!asks_the_same(submit, known)) {
    const std::string first =
        known.jobs.empty() ? "" : ", from job " + std::to_string(known.jobs[0].first.value) + " on";
    return refuse(
        call,
        Refusal::Conflict,
        "the request id '" + std::string(submit.request) + "' was used for other jobs" + first +
            ": give every submit an id of its own, and only its repetitions the same");
  }
  std::vector<wire::SubmittedJob> answer;
  for (const wire::JobRange& range : known.jobs) {
    wire::SubmittedJob& told = answer.emplace_back();
    told.first = range.first;
    told.count = static_cast<uint32_t>(range.last.value - range.first.value + 1);
    const Job* job = jobs.find(range.first);
    told.unsatisfiable = job != nullptr && job->unsatisfiable;
  }
  reply(call, wire::JobsSubmitted{outbox.text().keep_all<wire::SubmittedJob>(answer), true});
}

/// Of a submit from before digests were kept nothing is known but how many jobs it made.
bool JobLedger::State::asks_the_same(
    const wire::SubmitJobs& submit, const SubmitBook::Submit& known) {
  if (known.digest != 0) return digest_of(submit) == known.digest;
  return std::equal(
      known.jobs.begin(),
      known.jobs.end(),
      submit.specs.begin(),
      submit.specs.end(),
      [this](const wire::JobRange& range, std::span<const std::byte> spec) {
        return range.last.value - range.first.value + 1 == count_of(classes.read(spec));
      });
}

/// All of them or none: what can be wrong with any is found before the first is taken in.
bool JobLedger::State::may_submit(const Call& call, const wire::SubmitJobs& submit) {
  const auto no = [&](Refusal code, const std::string& why) {
    refuse(call, code, why);
    return false;
  };
  if (jobs.records() + submit.specs.size() > settings.jobs_max) {
    return no(
        Refusal::LimitReached,
        "the ledger keeps " + std::to_string(jobs.records()) + " jobs, and jobs-max is " +
            std::to_string(settings.jobs_max) +
            ": wait for some to end, keep fewer finished ones, or raise it");
  }
  for (size_t i = 0; i < submit.specs.size(); ++i) {
    const wire::JobSpec& spec = classes.read(submit.specs[i]);
    for (uint64_t on : spec.depends_on) {
      if (jobs.find({on}) != nullptr) continue;
      return no(
          Refusal::NotFound,
          "job " + std::to_string(i + 1) + ": it waits for job " + std::to_string(on) +
              ", which does not exist or ended too long ago: leave it out");
    }
    if (!submit.refuse_unsatisfiable || !classes.unsatisfiable(call.now, spec)) continue;
    const wire::Explanation why = classes.explain_unsatisfiable(spec, outbox.text());
    call.effects.looked_at += why.workers;
    const wire::NoPlace reason =
        why.workers == 0 ? wire::NoPlace::NoWorkers : wire::NoPlace::Eliminated;
    reply(call, wire::Unplaced{reason, why});
    return false;
  }
  return true;
}

Job& JobLedger::State::admit(
    Now now, std::span<const std::byte> bytes, const SubmitBook::Jobs& before) {
  wire::JobSpec spec = classes.read(bytes);
  std::vector<uint64_t> depends_on;
  if (!spec.depends_on_items.empty()) {
    // Positions mean nothing once the submit is over: what is kept names ids.
    depends_on.assign(spec.depends_on.begin(), spec.depends_on.end());
    for (uint32_t item : spec.depends_on_items)
      depends_on.push_back(before[item].first.value);
    spec.depends_on = depends_on;
    spec.depends_on_items = {};
    bytes = spec_encoder.encode(spec);
  }
  const uint32_t count = count_of(spec);
  Job& job = jobs.add({next_job}, count);
  next_job += count;
  if (spec.is_array) {
    job.array = job.id;
    job.array_index = spec.array_first;
    new_arrays.insert(job.id.value);
  }
  job.spec = SpecRef(bytes);
  job.priority = spec.priority;
  job.deadline_at_ms = spec.deadline_at_ms;
  job.timeout_ms = spec.timeout_ms;
  job.estimated_ms = spec.estimated_ms;
  job.submitted_at_ms = now.wall_ms;
  if (spec.scheduled_at_ms > now.wall_ms) {
    job.ready_at = now.mono + Duration::milliseconds(spec.scheduled_at_ms - now.wall_ms);
  }
  job.likeness = experience.likeness_of(spec);
  job.unsatisfiable = classes.unsatisfiable(now, spec);
  job.fresh = true;
  touch(job);
  tell(now, job);
  if (!spec.depends_on.empty()) hold_back(now, job, spec);
  enqueue(now, job, spec);
  return job;
}

}  // namespace berth::core
