#include "net/api/event_ring.h"

#include <algorithm>
#include <functional>

#include "net/forms/times.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

void text_or_null(JsonOut& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_job(JsonOut& json, const wire::JobEvent& event) {
  const bool failed = event.error != wire::ErrorClass::None;
  json.field("job_id", event.job.value)
      .field("count", event.count)
      .field("state", wire::job_state_token(event.state))
      .field("attempt", event.attempt);
  text_or_null(json, "worker_id", event.worker);
  text_or_null(json, "error", failed ? wire::error_class_token(event.error) : wire::Text{});
  text_or_null(json, "reason", event.reason);
}

void write_plan(JsonOut& json, const wire::JobEvent& event) {
  json.field("plan_id", event.plan).field("of", wire::plan_of_token(event.plan_of));
  if (event.plan_of == wire::PlanOf::Requests) {
    json.field("placed", event.count);
    return;
  }
  json.field("outcome", wire::plan_outcome_token(event.plan_outcome))
      .field("cause", wire::plan_cause_token(event.plan_cause))
      .field("planned", event.count)
      .field("moved", event.moved);
  text_or_null(json, "reason", event.reason);
}

}  // namespace

uint64_t worker_key(std::string_view worker) {
  return worker.empty() ? 0 : std::hash<std::string_view>{}(worker) | 1;
}

void write_event(JsonOut& json, const wire::JobEvent& event) {
  json.object()
      .field("sequence", event.sequence)
      .field("at", forms::format_time(event.at_ms))
      .field("kind", wire::event_kind_token(event.kind));
  switch (event.kind) {
    case wire::EventKind::Job: write_job(json, event); break;
    case wire::EventKind::Worker:
      json.field("worker_id", event.worker)
          .field("change", wire::worker_change_token(event.worker_change));
      text_or_null(json, "reason", event.reason);
      break;
    case wire::EventKind::Plan: write_plan(json, event); break;
    case wire::EventKind::Server:
      json.field("change", wire::server_change_token(event.server_change));
      break;
  }
  json.end();
}

void EventRing::clear(uint64_t begin) {
  index_.clear();
  ring_ = {};
  end_ = 0;
  begin_ = begin;
}

void EventRing::add(const wire::JobEvent& event) {
  if (begin_ == 0) begin_ = event.sequence - 1;
  json_.clear();
  write_event(json_, event);
  encoded_ = "id: " + std::to_string(event.sequence) + "\ndata: ";
  encoded_ += json_.text();
  encoded_ += "\n\n";
  if (ring_.empty()) ring_.resize(bytes_max_);
  const size_t left = bytes_max_ - end_ % bytes_max_;
  if (encoded_.size() > left) end_ += left;
  encoded_.copy(ring_.data() + end_ % bytes_max_, encoded_.size());
  const uint64_t end = end_ + encoded_.size();
  while (!index_.empty() && index_.front().at + bytes_max_ < end) {
    begin_ = index_.front().sequence;
    index_.pop_front();
  }
  index_.push_back(
      {event.sequence,
       end_,
       event.job.value,
       worker_key(event.worker),
       event.count,
       static_cast<uint32_t>(encoded_.size()),
       event.kind,
       event.state});
  end_ = end;
}

size_t EventRing::after(uint64_t sequence) const {
  const auto next = std::upper_bound(
      index_.begin(), index_.end(), sequence, [](uint64_t told, const Entry& entry) {
        return told < entry.sequence;
      });
  return static_cast<size_t>(next - index_.begin());
}

std::string_view EventRing::next(uint64_t& told, size_t bytes) const {
  const size_t first = after(told);
  if (first == index_.size()) return {};
  const uint64_t from = index_[first].at;
  const uint64_t lap_ends = (from / bytes_max_ + 1) * bytes_max_;
  const uint64_t most = std::min(from + bytes, lap_ends);
  const auto behind = std::upper_bound(
      index_.begin() + static_cast<ptrdiff_t>(first),
      index_.end(),
      most,
      [](uint64_t end, const Entry& entry) { return end < entry.at + entry.bytes; });
  const Entry& last =
      behind - index_.begin() > static_cast<ptrdiff_t>(first) ? *std::prev(behind) : index_[first];
  told = last.sequence;
  return std::string_view(ring_).substr(from % bytes_max_, last.at + last.bytes - from);
}

bool EventRing::passes(const Entry& entry, const EventFilter& filter) {
  if ((filter.kinds & wire::bit_of(entry.kind)) == 0) return false;
  if (filter.worker != 0 && filter.worker != entry.worker) return false;
  const bool of_job = entry.kind == wire::EventKind::Job;
  if (of_job && (filter.states >> static_cast<uint32_t>(entry.state) & 1) == 0) return false;
  if (filter.jobs.first.value == 0) return true;
  return of_job && entry.job <= filter.jobs.last.value &&
         entry.job + entry.count > filter.jobs.first.value;
}

void EventRing::next(
    uint64_t& told,
    const EventFilter& filter,
    size_t count,
    std::string& to,
    const Judge& judge) const {
  size_t at = after(told);
  for (const size_t end = std::min(at + count, index_.size()); at < end; ++at) {
    const Entry& entry = index_[at];
    bool wanted = passes(entry, filter);
    if (wanted && judge && entry.kind == wire::EventKind::Job) {
      const Verdict verdict = judge(entry.job);
      if (verdict == Verdict::Wait) return;
      wanted = verdict == Verdict::Take;
    }
    told = entry.sequence;
    if (wanted) to += bytes_of(entry);
  }
}

}  // namespace berth::net
