#include <vector>

#include "core/jobs/check_spec.h"
#include "net/api/v1/jobs.h"
#include "net/client/outgoing.h"
#include "net/forms/job_digest.h"
#include "net/forms/job_file.h"
#include "net/forms/job_shapes.h"

// Jobs come: JSON to specs, by the table of keys that job files have.

namespace berth::net::v1 {
namespace {

using forms::JobDraft;
using forms::JobField;

JsonField json_field(const JobField& field, std::string_view key) {
  JsonField json = {.name = key, .kind = JsonKind::Any, .about = field.help};
  if (field.kind == JobField::Kind::Switch) json.kind = JsonKind::Boolean;
  if (field.kind == JobField::Kind::Table) json.map = true;
  return json;
}

/// Values are texts such as `512MiB`, or numbers where the key takes a number.
std::span<const JsonField> job_in_fields() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> made;
    for (const JobField& field : forms::job_fields())
      made.push_back(forms::field_key(field.name));
    return made;
  }();
  static const std::vector<JsonField> fields = [] {
    std::vector<JsonField> made = {
        {.name = "command",
         .about = "The program and its arguments",
         .array = true,
         .items_max = core::kArgumentsMax}};
    size_t at = 0;
    for (const JobField& field : forms::job_fields()) {
      const std::string& key = keys[at++];
      if (!field.reads_file) made.push_back(json_field(field, key));
    }
    return made;
  }();
  return fields;
}

/// What was read of a body: the jobs in an order in which each stands behind those that it waits
/// for, and where in it each of the body's is.
struct Jobs {
  std::vector<JobDraft> drafts;
  std::vector<uint32_t> places;
};

bool read_jobs(std::string_view body, Jobs& jobs, std::string& problem) {
  JobDraft from_afar;
  from_afar.may_read_files = false;
  return forms::parse_job_json(body, "body", from_afar, jobs.drafts, problem) &&
         forms::resolve_after(jobs.drafts, problem, &jobs.places);
}

/// Encoded, one after the other; each is a multiple of 8 bytes, so that all are aligned.
struct Specs {
  std::vector<std::byte> bytes;
  std::vector<size_t> ends;
  std::vector<std::span<const std::byte>> views;

  explicit Specs(const std::vector<JobDraft>& drafts) {
    for (const JobDraft& draft : drafts) {
      const std::span<const std::byte> spec = client::outgoing().spec(draft.spec);
      bytes.insert(bytes.end(), spec.begin(), spec.end());
      ends.push_back(bytes.size());
    }
    size_t begin = 0;
    for (const size_t end : ends) {
      views.push_back(std::span(bytes).subspan(begin, end - begin));
      begin = end;
    }
  }
};

/// 422 as the header's draft has it, for which 409 means that the first is still under way.
void refuse_other_jobs(Exchange& exchange, const wire::Refused& refused) {
  Problem problem = problem_of(refused);
  problem.status = 422;
  problem.detail = "Idempotency-Key: " + problem.detail;
  exchange.problem(problem);
}

/// One of the jobs can never run here, and the client asked to be told so.
void refuse_misfit(Exchange& exchange, const wire::Unplaced& unplaced) {
  Problem problem = problem_of(unplaced);
  problem.hint = "without refuse_unsatisfiable it waits for a worker that can run it";
  exchange.problem(problem);
}

void answer_submitted(
    Exchange& exchange, client::SubmitResult submitted, const std::vector<uint32_t>& places) {
  std::vector<client::SubmittedJob> in_order;
  for (const uint32_t place : places) {
    if (place < submitted.jobs.size()) in_order.push_back(submitted.jobs[place]);
  }
  exchange.json().raw(forms::to_text(forms::submitted_json(in_order, submitted.repeated)));
  const std::string body(exchange.json().text());
  exchange.json().clear();
  const std::string location =
      in_order.empty() ? "/v1/jobs" : "/v1/jobs/" + std::to_string(in_order.front().first);
  const std::pair<std::string_view, std::string_view> headers[] = {{"Location", location}};
  exchange.answer(
      {.status = 201,
       .content_type = kJsonType,
       .body = body,
       .headers = {headers, in_order.size() == 1 ? 1u : 0u}});
}

}  // namespace

const JsonSchema kJobInSchema = {
    "Job",
    "A job by the keys of job files (docs/jobs.md): a text such as \"512MiB\" or \"10m\", or a "
    "number "
    "where one is meant.",
    job_in_fields()};

void submit_jobs(Exchange& exchange) {
  Jobs jobs;
  std::string problem;
  if (!read_jobs(exchange.request().body(), jobs, problem)) {
    return exchange.problem({.status = 400, .code = "bad_request", .detail = problem});
  }
  const Specs specs(jobs.drafts);
  wire::SubmitJobs submit;
  submit.request = exchange.request().header("idempotency-key");
  submit.specs = specs.views;
  submit.refuse_unsatisfiable = exchange.truth("refuse_unsatisfiable");
  submit.digest = forms::digest_as_written(jobs.drafts);
  exchange.ask(submit, [&exchange, places = std::move(jobs.places)](const wire::Reply& reply) {
    const client::Result<client::SubmitResult> submitted =
        client::answer_from<client::SubmitResult>(reply);
    if (submitted) return answer_submitted(exchange, *submitted, places);
    const auto* refused = std::get_if<wire::Refused>(&reply);
    if (refused != nullptr && refused->code == wire::Refusal::Conflict) {
      return refuse_other_jobs(exchange, *refused);
    }
    if (refused != nullptr) return exchange.refuse(*refused);
    const auto* unplaced = std::get_if<wire::Unplaced>(&reply);
    if (unplaced != nullptr) return refuse_misfit(exchange, *unplaced);
    exchange.refuse({wire::Refusal::Unsupported, submitted.error().message});
  });
}

}  // namespace berth::net::v1
