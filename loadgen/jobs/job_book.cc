#include "loadgen/jobs/job_book.h"

#include <algorithm>

namespace berth::loadgen {
namespace {

// Appends `range`, or lengthens the last one by it.
void join(wire::JobRange range, std::vector<wire::JobRange>& ranges) {
  if (!ranges.empty() && ranges.back().last.value + 1 == range.first.value) {
    ranges.back().last = range.last;
  } else {
    ranges.push_back(range);
  }
}

}  // namespace

void JobBook::on_submitted(
    core::Instant since, core::Instant now, wire::JobId first, uint32_t count) {
  tally_.submitted += count;
  join({first, {first.value + count - 1}}, ranges_);
  for (uint64_t job = first.value; job < first.value + count; ++job) {
    tally_.submit.record(now - since);
    if (is_done(job)) {
      duplicate({job}, "was given to two submits");
      continue;
    }
    Life& life = lives_[job];
    if (life.submitted) {
      duplicate({job}, "was given to two submits");
      continue;
    }
    life.since = since;
    life.submitted = true;
    if (life.completed) settle(job, now - since);
  }
}

JobBook::Offer JobBook::on_assigned(wire::AssignmentId id) {
  constexpr const char* kTooLate = "was assigned after its completion was acknowledged";
  if (is_done(id.job.value)) {
    duplicate(id.job, kTooLate);
    return Offer::Wrong;
  }
  Life& life = lives_[id.job.value];
  if (life.completed) {
    duplicate(id.job, kTooLate);
    return Offer::Wrong;
  }
  if (id.epoch == life.epoch) return Offer::Again;
  if (id.epoch < life.epoch) {
    tally_.fail(
        "job " + std::to_string(id.job.value) + " was assigned under an epoch that is past");
    return Offer::Wrong;
  }
  life.epoch = id.epoch;
  return Offer::New;
}

void JobBook::on_completed(wire::JobId job, core::Instant now) {
  auto found = lives_.find(job.value);
  if (found == lives_.end() || found->second.completed) {
    return duplicate(job, "was acknowledged as completed twice");
  }
  found->second.completed = true;
  if (found->second.submitted) settle(job.value, now - found->second.since);
}

std::vector<wire::JobRange> JobBook::ranges() const {
  std::vector<wire::JobRange> sorted = ranges_;
  std::sort(sorted.begin(), sorted.end(), [](const wire::JobRange& a, const wire::JobRange& b) {
    return a.first < b.first;
  });
  std::vector<wire::JobRange> joined;
  for (const wire::JobRange& range : sorted)
    join(range, joined);
  return joined;
}

bool JobBook::is_done(uint64_t job) const {
  auto word = done_.find(job / 64);
  return word != done_.end() && (word->second >> (job % 64) & 1) != 0;
}

void JobBook::settle(uint64_t job, core::Duration took) {
  tally_.life.record(took);
  ++tally_.completed;
  --in_flight_;
  done_[job / 64] |= uint64_t{1} << (job % 64);
  lives_.erase(job);
}

void JobBook::duplicate(wire::JobId job, const char* what) {
  ++tally_.duplicates;
  tally_.fail("job " + std::to_string(job.value) + " " + what);
}

}  // namespace berth::loadgen
