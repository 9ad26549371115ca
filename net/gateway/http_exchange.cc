#include "net/gateway/http_exchange.h"

#include <absl/container/inlined_vector.h>

#include <string>
#include <utility>

#include "core/base/check.h"
#include "net/api/apis.h"
#include "net/api/check_request.h"
#include "net/loop_clock.h"

namespace berth::net {
namespace {

constexpr uint32_t kRetryAfterS = 1;

std::string_view code_of(int status) {
  switch (status) {
    case 408: return "timed_out";
    case 413:
    case 414:
    case 431:
    case 503: return "limit_reached";
    case 501:
    case 505: return "unsupported";
    default: return "bad_request";
  }
}

}  // namespace

HttpDesk::HttpDesk(Services& services, AccessRules rules)
    : services(services), router(all_apis()), doorman(std::move(rules)) {}

HttpExchange::HttpExchange(
    HttpDesk& desk,
    HttpExchangeOwner& owner,
    StreamLoop& streams,
    const StreamLimits& stream_limits,
    const HttpLimits& http_limits,
    HttpBudget& budget)
    : desk_(desk),
      owner_(owner),
      connection_(streams, stream_limits, http_limits, budget, static_cast<HttpHost&>(*this)) {}

// ---- A request comes ------------------------------------------------------------------------

void HttpExchange::on_http_request(HttpConnection&) {
  forget();
  begun_ = LoopClock::mono();
  answering_ = true;
  if (desk_.services.draining) connection_.close_after();
  const HttpRequest& asked = request();
  found_ = desk_.router.find(asked.method, asked.path());
  const bool open_to_all = found_.route != nullptr && found_.route->open_to_all;
  Problem wrong;
  if (!desk_.doorman.admit(asked, open_to_all, wrong)) return problem(wrong);
  if (asked.method == HttpMethod::Options && !found_.allow.empty()) return answer_options();
  if (found_.route == nullptr) {
    return problem(desk_.router.nothing_found(found_, asked.method, asked.path()));
  }
  const bool good =
      check_request(*found_.api, *found_.route, asked, found_.values, desk_.body, wrong);
  if (!good) return problem(wrong);
  found_.route->handle(*this);
}

void HttpExchange::answer_options() {
  HttpResponse response;
  response.status = 204;
  const std::pair<std::string_view, std::string_view> allow[] = {{"Allow", found_.allow}};
  response.headers = allow;
  answer(response);
}

void HttpExchange::on_http_bad(HttpConnection&, int status, std::string_view sentence) {
  forget();
  begun_ = LoopClock::mono();
  found_.api = nullptr;
  found_.route = nullptr;
  answering_ = true;
  Problem wrong;
  wrong.status = status;
  wrong.code = code_of(status);
  wrong.detail = sentence;
  if (status == 503) {
    wrong.hint = "send it again later; --http-bodies-max bounds what is sent at once";
    wrong.retry_after_s = kRetryAfterS;
  }
  connection_.close_after();
  problem(wrong);
}

std::string_view HttpExchange::parameter(std::string_view name) const {
  for (const Parameter& row : found_.route->parameters)
    if (row.name == name) return value_of(row);
  return {};
}

std::string_view HttpExchange::value_of(const Parameter& row) const {
  size_t at = 0;
  std::string_view value;
  for_each_segment(found_.route->path, [&](std::string_view segment) {
    if (!is_parameter(segment)) return;
    if (segment.substr(1, segment.size() - 2) == row.name) value = found_.values[at];
    ++at;
  });
  if (!value.empty()) return value;
  for (const auto& [key, given] : request().query()) {
    if (key == row.name) return row.kind == JsonKind::Boolean ? flag_value(given) : given;
  }
  return {};
}

uint64_t HttpExchange::number(std::string_view name, uint64_t otherwise) const {
  const std::string_view text = parameter(name);
  if (text.empty()) return otherwise;
  uint64_t number = 0;
  for (const char digit : text)
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  return number;
}

// ---- The service ----------------------------------------------------------------------------

void HttpExchange::ask(const wire::Request& request, Then then) {
  BERTH_CHECK(awaited_ == 0);
  if (!seated_) desk_.services.asker.open(*this);
  seated_ = true;
  if (++asked_ == 0) ++asked_;  // 0 is for what nobody asked for
  awaited_ = asked_;
  then_ = std::move(then);
  desk_.services.asker.ask(*this, wire::RequestId{awaited_}, request);
}

void HttpExchange::on_reply(wire::RequestId request, const wire::Reply& reply) {
  if (request.value == 0 || request.value != awaited_) return;
  awaited_ = 0;
  const Then then = std::exchange(then_, nullptr);
  if (!paced_) return then(reply);
  const StreamPace::Work work(desk_.pace);
  then(reply);
}

// ---- The answer -----------------------------------------------------------------------------

void HttpExchange::answer(int status) {
  HttpResponse response;
  response.status = status;
  response.content_type = kJsonType;
  response.body = desk_.json.text();
  answer(response);
  desk_.json.clear();
}

void HttpExchange::answer(const HttpResponse& response) {
  absl::InlinedVector<std::pair<std::string_view, std::string_view>, 8> headers(
      response.headers.begin(), response.headers.end());
  std::string retry_after;
  if (problem_ != nullptr) {
    if (!problem_->allow.empty()) headers.emplace_back("Allow", problem_->allow);
    if (problem_->status == 401) headers.emplace_back("WWW-Authenticate", "Bearer");
    if (problem_->retry_after_s > 0) {
      retry_after = std::to_string(problem_->retry_after_s);
      headers.emplace_back("Retry-After", retry_after);
    }
  }
  HttpResponse whole = response;
  whole.headers = headers;
  answering_ = false;
  forget();
  connection_.respond(whole);
  count(response.status);
}

void HttpExchange::count(int status) {
  desk_.services.http_counts.answered(found_.route, status, LoopClock::mono() - begun_);
  owner_.on_exchange_answered(status);
}

void HttpExchange::problem(const Problem& wrong) {
  desk_.json.clear();
  problem_ = &wrong;
  if (found_.api != nullptr && found_.api->say_problem != nullptr) {
    found_.api->say_problem(*this, wrong);
  } else {
    write_problem(desk_.json, wrong);
    HttpResponse response;
    response.status = wrong.status;
    response.content_type = kProblemType;
    response.body = desk_.json.text();
    answer(response);
    desk_.json.clear();
  }
  problem_ = nullptr;
}

// ---- Or a stream ----------------------------------------------------------------------------

void HttpExchange::begin(const HttpResponse& head) {
  streaming_ = true;
  connection_.begin(head);
  count(head.status);
  // Nobody will read what follows: who writes it is told at the end of the turn.
  if (request().method == HttpMethod::Head) owner_.on_exchange_dirty(*this);
}

void HttpExchange::write(std::string_view piece) {
  if (request().method != HttpMethod::Head) connection_.write(piece);
}

void HttpExchange::end() {
  streaming_ = false;
  answering_ = false;
  forget();
  connection_.end();
}

// Whoever does not read is not worked for, and whoever does waits for its turn.
void HttpExchange::go_on(std::function<void()> next) {
  next_ = std::move(next);
  paced_ = true;
  if (connection_.writable()) return desk_.pace.add(*this);
  writable_ = [this] {
    desk_.pace.add(*this);
  };
}

void HttpExchange::next_piece() {
  const auto next = std::exchange(next_, nullptr);
  next();
  connection_.flush();  // here, since sending it is a large part of the work
}

void HttpExchange::on_http_writable(HttpConnection&) {
  if (const auto then = std::exchange(writable_, nullptr)) then();
}

void HttpExchange::proceed() {
  if (streaming_ && request().method == HttpMethod::Head) {
    if (const auto gone = std::exchange(gone_, nullptr)) gone();
    end();
  }
  connection_.proceed();
}

void HttpExchange::on_drain() {
  connection_.close_after();
}

void HttpExchange::on_http_closed(HttpConnection&) {
  if (answering_) {
    if (const auto gone = std::exchange(gone_, nullptr)) gone();
  }
  forget();
  if (seated_) desk_.services.asker.close(*this);
  owner_.on_exchange_closed(*this);
}

void HttpExchange::forget() {
  awaited_ = 0;
  then_ = nullptr;
  writable_ = nullptr;
  gone_ = nullptr;
  next_ = nullptr;
  if (paced_) desk_.pace.remove(*this);
  paced_ = false;
}

}  // namespace berth::net
