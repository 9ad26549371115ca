#include <memory>
#include <string>

#include "net/api/event_feed.h"
#include "net/api/list_answer.h"
#include "net/api/services.h"
#include "net/api/v1/jobs.h"
#include "net/forms/job_shapes.h"
#include "net/loop_clock.h"
#include "net/text/units.h"
#include "wire/tokens.h"

// The jobs, newest first: by page, or as they change.

namespace berth::net::v1 {
namespace {

constexpr uint32_t kRowsUsual = 100;

/// A list on its way. A page of ours may be several of the ledger's.
struct Listing {
  explicit Listing(Exchange& exchange);

  wire::ListJobs request() const;

  ListAnswer answer;
  uint32_t states = 0;
  std::string worker, queue, tenant, name, label_key, label_value;
  uint64_t cursor = 0;
  uint64_t left = 0;  ///< rows that are still wanted
};

Listing::Listing(Exchange& exchange)
    : answer(exchange),
      worker(exchange.parameter("worker_id")),
      queue(exchange.parameter("queue")),
      tenant(exchange.parameter("tenant")),
      name(exchange.parameter("name")),
      cursor(exchange.number("cursor")),
      left(exchange.number("limit", kRowsUsual)) {
  exchange.each("state", [this](std::string_view state) {
    if (const auto known = wire::job_state_from(state)) {
      states |= 1u << static_cast<uint32_t>(*known);
    }
  });
  if (const auto label = parse_label(exchange.parameter("label"))) {
    label_key = label->first;
    label_value = label->second;
  }
  answer.json.object().key("jobs").array();
}

wire::ListJobs Listing::request() const {
  wire::ListJobs list;
  list.states = states;
  list.worker = worker;
  list.queue = queue;
  list.tenant = tenant;
  list.name = name;
  list.label = {label_key, label_value};
  list.cursor = cursor;
  list.limit = static_cast<uint32_t>(std::min<uint64_t>(left, answer.rows()));
  list.newest_first = true;
  return list;
}

void write_end(JsonOut& json, uint64_t cursor) {
  json.end().key("next_cursor");
  if (cursor == 0) {
    json.null();
  } else {
    json.value(std::to_string(cursor));
  }
  json.end();
}

void ask_page(const std::shared_ptr<Listing>& listing);

void on_page(const std::shared_ptr<Listing>& listing, const client::JobPage& page) {
  ListAnswer& answer = listing->answer;
  const int64_t now_ms = LoopClock::wall_ms();
  for (const client::JobStatus& job : page.jobs)
    answer.json.raw(forms::to_text(forms::job_json(job, now_ms)));
  listing->left -= std::min<uint64_t>(listing->left, page.jobs.size());
  listing->cursor = page.next_cursor;
  if (listing->cursor == 0 || listing->left == 0) {
    write_end(answer.json, listing->cursor);
    return answer.finish();
  }
  answer.go_on([listing] { ask_page(listing); });
}

void ask_page(const std::shared_ptr<Listing>& listing) {
  ask_piece<client::JobPage>(listing, listing->request(), on_page);
}

void watch_jobs(Exchange& exchange) {
  for (const char* name : {"cursor", "limit"}) {
    if (!exchange.has(name)) continue;
    return exchange.problem(
        {.status = 400,
         .code = "bad_request",
         .detail = std::string("'") + name + "' does not go with 'watch'",
         .hint = "a stream goes on after an event: 'after', or Last-Event-ID"});
  }
  const Listing chosen(exchange);
  EventFeed::Filter filter;
  filter.kinds = wire::bit_of(wire::EventKind::Job);
  filter.worker = chosen.worker;
  if (chosen.states != 0) filter.states = chosen.states;
  filter.traits = {chosen.queue, chosen.tenant, chosen.name, chosen.label_key, chosen.label_value};
  exchange.services().events.subscribe(exchange, filter);
}

}  // namespace

void list_jobs(Exchange& exchange) {
  const std::string_view label = exchange.parameter("label");
  if (!label.empty() && !parse_label(label)) {
    return exchange.problem(
        {.status = 400,
         .code = "bad_request",
         .detail = "label '" + std::string(label) + "' is not " + std::string(kLabelForm)});
  }
  if (exchange.truth("watch")) return watch_jobs(exchange);
  ask_page(std::make_shared<Listing>(exchange));
}

}  // namespace berth::net::v1
