#include "net/client/outgoing.h"

// The jobs of `Outgoing`.

namespace berth::client {
namespace {

size_t texts_of(const JobSpec& job) {
  size_t texts = job.command.size() + job.artifacts.size() + job.all_tags.size() +
                 job.none_tags.size() + job.exclude_workers.size() + job.demand.gpu_models.size();
  for (const std::vector<std::string>& group : job.any_tags)
    texts += group.size();
  return texts;
}

size_t labels_of(const JobSpec& job) {
  return job.labels.size() + job.env.size() + job.affinity.size() + job.anti_affinity.size() +
         job.meta.size();
}

}  // namespace

std::span<const std::byte> Outgoing::spec(const JobSpec& job) {
  reset(texts_of(job), labels_of(job), job.demand.custom.size());
  gather_groups(job.any_tags);
  wire::JobSpec spec{
      .name = job.name,
      .queue = job.queue,
      .tenant = job.tenant,
      .labels = labels(job.labels),
      .command = texts(job.command),
      .image = job.image,
      .env = labels(job.env),
      .working_dir = job.working_dir,
      .stdin_text = job.stdin_text,
      .runner = static_cast<wire::Runner>(job.runner),
      .network = job.network,
      .policy = static_cast<wire::Policy>(job.policy),
      .demand = demand(job.demand),
  };
  spec.requirements = {
      .all_tags = texts(job.all_tags),
      .any_tags = groups_,
      .none_tags = texts(job.none_tags),
      .affinity = labels(job.affinity),
      .anti_affinity = labels(job.anti_affinity),
      .spread_by = job.spread_by,
      .exclude_workers = texts(job.exclude_workers),
  };
  spec.priority = job.priority;
  spec.scheduled_at_ms = job.scheduled_at_ms;
  spec.deadline_at_ms = job.deadline_at_ms;
  spec.estimated_ms = to_wire_ms(job.estimated);
  spec.timeout_ms = to_wire_ms(job.timeout);
  spec.attempts_max = job.attempts_max;
  spec.retry_base_ms = to_wire_ms(job.retry_base);
  spec.retry_cap_ms = to_wire_ms(job.retry_cap);
  spec.kill_grace_ms = to_wire_ms(job.kill_grace);
  spec.checkpointable = job.checkpointable;
  spec.depends_on = job.depends_on;
  spec.depends_on_items = job.depends_on_items;
  if (job.array) {
    spec.is_array = true;
    spec.array_first = job.array->first;
    spec.array_last = job.array->last;
  }
  spec.artifacts = texts(job.artifacts);
  spec.meta = labels(job.meta);
  return spec_encoder_.encode(spec);
}

void Outgoing::submit(const SubmitRequest& request, std::vector<std::byte>& frame) {
  specs_.clear();
  std::vector<size_t> ends;
  for (const JobSpec& job : request.jobs) {
    const std::span<const std::byte> bytes = spec(job);
    specs_.insert(specs_.end(), bytes.begin(), bytes.end());
    ends.push_back(specs_.size());
  }
  // Each is a multiple of 8 bytes, so that all of them stay aligned in one vector.
  std::vector<std::span<const std::byte>> specs;
  size_t from = 0;
  for (const size_t end : ends) {
    specs.push_back(std::span(specs_).subspan(from, end - from));
    from = end;
  }
  encode(
      wire::SubmitJobs{
          .request = request.request,
          .specs = specs,
          .refuse_unsatisfiable = request.refuse_unsatisfiable,
          .digest = request.digest},
      frame);
}

void Outgoing::list_jobs(const JobFilter& filter, std::vector<std::byte>& frame) {
  wire::ListJobs list{
      .worker = filter.worker,
      .queue = filter.queue,
      .tenant = filter.tenant,
      .name = filter.name,
      .label = {filter.label.key, filter.label.value},
      .cursor = filter.cursor,
      .limit = filter.limit,
      .newest_first = filter.newest_first,
  };
  for (const JobState state : filter.states)
    list.states |= 1u << static_cast<unsigned>(state);
  encode(list, frame);
}

void Outgoing::abort_jobs(const AbortRequest& request, std::vector<std::byte>& frame) {
  encode(
      wire::ChangeJobs{
          .action = wire::JobAction::Abort,
          .jobs = wire_ranges(request.jobs),
          .worker = request.worker,
          .reason = request.reason},
      frame);
}

void Outgoing::retry_jobs(const std::vector<JobRange>& jobs, std::vector<std::byte>& frame) {
  encode(wire::ChangeJobs{.action = wire::JobAction::Retry, .jobs = wire_ranges(jobs)}, frame);
}

void Outgoing::read_log(const LogRequest& request, std::vector<std::byte>& frame) {
  encode(
      wire::ReadLog{
          .job = {request.job},
          .attempt = request.attempt,
          .stream = static_cast<wire::OutputStream>(request.stream),
          .offset = request.offset,
          .bytes_max = request.bytes_max,
          .wait_ms = to_wire_ms(request.wait)},
      frame);
}

std::vector<wire::JobRange> wire_ranges(const std::vector<JobRange>& jobs) {
  std::vector<wire::JobRange> ranges;
  ranges.reserve(jobs.size());
  for (const JobRange& range : jobs)
    ranges.push_back({{range.first}, {range.last}});
  return ranges;
}

size_t encoded_bytes(const JobSpec& job) {
  return outgoing().spec(job).size();
}

}  // namespace berth::client
