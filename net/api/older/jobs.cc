#include <algorithm>
#include <memory>
#include <utility>

#include "net/api/older/older.h"
#include "net/api/services.h"

// Jobs and workers of the one ledger and the one table, as the older APIs need them.
namespace berth::net::older {

namespace {

/// Why a worker that is told a command and a folder, and nothing else, cannot do this job.
std::string_view problem_of_job(const wire::JobSpec& spec) {
  if (!spec.image.empty()) return "it needs an image";
  if (!spec.env.empty()) return "it needs environment variables";
  if (!spec.stdin_text.empty()) return "it needs input";
  if (!spec.artifacts.empty()) return "it has artifacts to keep";
  if (spec.is_array) return "it is an element of an array, and has to know which";
  if (spec.checkpointable) return "it is checkpointable";
  return {};
}

/// So many jobs that it cannot do are handed back before it has to ask again.
constexpr int kClaimsMax = 8;
/// The way from a poll through the table to an assignment.
constexpr uint32_t kClaimWaitMs = 100;

void claim_some(Exchange& exchange, const std::string& worker, int left, Claimed then) {
  if (left == 0) return then(nullptr, nullptr);
  wire::NextJobs next;
  next.worker = worker;
  next.wait_ms = kClaimWaitMs;
  const auto given = [&exchange, worker, left, then](const wire::Reply& reply) {
    const auto* jobs = std::get_if<wire::Assignments>(&reply);
    if (jobs == nullptr) return fail_with(exchange, reply);
    if (jobs->items.empty()) return then(nullptr, nullptr);
    const wire::Assignment& job = jobs->items[0];
    const wire::JobSpec& spec = spec_of(job.spec);
    const std::string_view why_not = problem_of_job(spec);
    if (why_not.empty()) return then(&job, &spec);
    wire::ReportItem no;
    no.kind = wire::ReportKind::Refused;
    no.assignment = job.id;
    no.error = {wire::ErrorClass::Refused, 0, 0, why_not};
    report(exchange, worker, {&no, 1}, [&exchange, worker, left, then](auto) {
      claim_some(exchange, worker, left - 1, then);
    });
  };
  exchange.services().workers.ask(worker, next, while_here(exchange, given));
}

void ask_page(
    Exchange& exchange,
    const wire::ListJobs& list,
    const std::shared_ptr<std::string>& worker,
    std::function<void(std::span<const wire::JobRow>)> page,
    std::function<void()> then) {
  exchange.ask(list, [&exchange, list, worker, page, then](const wire::Reply& reply) {
    const auto* rows = std::get_if<wire::JobPage>(&reply);
    if (rows == nullptr) return fail_with(exchange, reply);
    page(rows->rows);
    if (rows->next_cursor == 0) return then();
    wire::ListJobs next = list;
    next.worker = *worker;
    next.cursor = rows->next_cursor;
    exchange.go_on(
        [&exchange, next, worker, page, then] { ask_page(exchange, next, worker, page, then); });
  });
}

/// The workers on their way to whoever wants them.
struct WorkerPages {
  Exchange& exchange;
  ListAnswer* answer;  ///< that they are written to; null: they are only looked at
  std::function<void(const wire::WorkerRow&)> row;
  std::function<void()> then;
  wire::ListWorkers list = {.limit = ListAnswer::kFirstRows};
};

void ask_workers(const std::shared_ptr<WorkerPages>& pages) {
  pages->exchange.ask(pages->list, [pages](const wire::Reply& reply) {
    const auto* page = std::get_if<wire::WorkerPage>(&reply);
    if (page == nullptr) {
      const bool told = pages->answer != nullptr && pages->answer->cut();
      return told ? void() : fail_with(pages->exchange, reply);
    }
    for (const wire::WorkerRow& one : page->rows)
      pages->row(one);
    if (page->next_cursor == 0) return pages->then();
    pages->list.cursor = page->next_cursor;
    pages->list.limit = ListAnswer::kPieceRows;
    const auto next = [pages] {
      ask_workers(pages);
    };
    return pages->answer != nullptr ? pages->answer->go_on(next) : pages->exchange.go_on(next);
  });
}

}  // namespace

const wire::JobSpec& spec_of(std::span<const std::byte> bytes) {
  // The gateway's thread alone comes here.
  static thread_local wire::SpecDecoder decoder;
  static thread_local wire::JobSpec spec;
  if (decoder.decode(bytes, spec) != wire::DecodeStatus::Ok) spec = {};
  return spec;
}

void submit(Exchange& exchange, const wire::JobSpec& spec, std::function<void(wire::JobId)> then) {
  static thread_local wire::SpecEncoder encoder;
  const std::span<const std::byte> bytes = encoder.encode(spec);
  wire::SubmitJobs jobs;
  jobs.specs = {&bytes, 1};
  exchange.ask(jobs, [&exchange, then](const wire::Reply& reply) {
    const auto* done = std::get_if<wire::JobsSubmitted>(&reply);
    if (done == nullptr || done->jobs.empty()) return fail_with(exchange, reply);
    then(done->jobs[0].first);
  });
}

void each_page(
    Exchange& exchange,
    const wire::ListJobs& list,
    std::function<void(std::span<const wire::JobRow>)> page,
    std::function<void()> then) {
  // The text of the filter has to live as long as there are pages.
  ask_page(
      exchange, list, std::make_shared<std::string>(list.worker), std::move(page), std::move(then));
}

void each_worker(
    Exchange& exchange,
    std::function<void(const wire::WorkerRow&)> row,
    std::function<void()> then) {
  ask_workers(std::make_shared<WorkerPages>(
      WorkerPages{exchange, nullptr, std::move(row), std::move(then)}));
}

void list_workers(
    const std::shared_ptr<ListAnswer>& answer,
    std::function<void(const wire::WorkerRow&)> row,
    std::function<void()> end) {
  const auto finish = [answer, end = std::move(end)] {
    end();
    answer->finish();
  };
  ask_workers(std::make_shared<WorkerPages>(
      WorkerPages{answer->exchange, answer.get(), std::move(row), finish}));
}

void claim(Exchange& exchange, const std::string& worker, Claimed then) {
  claim_some(exchange, worker, kClaimsMax, std::move(then));
}

void report(
    Exchange& exchange,
    const std::string& worker,
    std::span<const wire::ReportItem> items,
    std::function<void(std::span<const uint8_t> verdicts)> then) {
  wire::Report said;
  said.worker = worker;
  said.items = items;
  const auto told = [&exchange, then, count = items.size()](const wire::Reply& reply) {
    const auto* reported = std::get_if<wire::Reported>(&reply);
    if (reported == nullptr || reported->verdicts.size() != count) {
      return fail_with(exchange, reply);
    }
    then(reported->verdicts);
  };
  exchange.services().workers.ask(worker, said, while_here(exchange, told));
}

void join(
    Exchange& exchange,
    const std::string& worker,
    const HttpWorkers::Terms& terms,
    std::function<void()> then) {
  const auto joined = [&exchange, then](const wire::Reply& reply) {
    if (!std::holds_alternative<wire::Attached>(reply)) return fail_with(exchange, reply);
    then();
  };
  exchange.services().workers.join(worker, terms, while_here(exchange, joined));
}

void renew(
    Exchange& exchange,
    const std::string& worker,
    const HttpWorkers::Terms& terms,
    const std::vector<wire::JobId>* jobs,
    std::function<void()> then) {
  wire::ListJobs list;
  list.worker = worker;
  list.states = bit_of(wire::JobState::Running);
  const auto named = std::make_shared<std::vector<wire::JobId>>();
  if (jobs != nullptr) *named = *jobs;
  const bool all = jobs == nullptr;
  const auto alive = std::make_shared<std::vector<wire::ReportItem>>();
  const auto take = [alive, named, all](std::span<const wire::JobRow> rows) {
    for (const wire::JobRow& row : rows) {
      const bool runs = all || std::find(named->begin(), named->end(), row.id) != named->end();
      if (!runs) continue;
      alive->emplace_back().assignment = row.assignment;
    }
  };
  each_page(exchange, list, take, [&exchange, worker, terms, alive, then] {
    if (alive->empty()) return then();
    join(exchange, worker, terms, [&exchange, worker, alive, then] {
      report(exchange, worker, *alive, [then](auto) { then(); });
    });
  });
}

}  // namespace berth::net::older
