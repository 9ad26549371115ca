#include "net/http/http_connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <limits>

#include "core/base/check.h"
#include "net/http/http_gzip.h"
#include "net/loop_clock.h"

namespace berth::net {
namespace {

constexpr size_t kGzipMin = 1024;
constexpr size_t kHeldIdleMax = 1024;

void put(std::vector<std::byte>& to, std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  to.insert(to.end(), bytes, bytes + text.size());
}

/// A header's value that came from elsewhere: it must not end its line.
void put_value(std::vector<std::byte>& to, std::string_view value) {
  const size_t begin = to.size();
  put(to, value);
  for (size_t at = begin; at < to.size(); ++at) {
    const auto c = static_cast<unsigned char>(to[at]);
    if (c < ' ' || c == 0x7f) to[at] = std::byte{'?'};
  }
}

void put_number(std::vector<std::byte>& to, uint64_t number, int base = 10) {
  std::array<char, 24> digits;
  const auto done = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  put(to, {digits.data(), static_cast<size_t>(done.ptr - digits.data())});
}

/// `Date: Sun, 06 Nov 1994 08:49:37 GMT`, made once a second for each thread.
std::string_view date_line() {
  static thread_local std::time_t made = -1;
  static thread_local std::array<char, 48> line;
  static thread_local size_t bytes = 0;
  const std::time_t now = LoopClock::wall_ms() / 1000;
  if (now != made) {
    std::tm utc = {};
    gmtime_r(&now, &utc);
    bytes = std::strftime(line.data(), line.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    made = now;
  }
  return {line.data(), bytes};
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

/// By one for all whole answers of a thread: they are made in one go.
std::string_view zip(std::string_view body) {
  static thread_local HttpGzip gzip;
  gzip.begin();
  return gzip.end(body);
}

}  // namespace

StreamLimits http_stream_limits() {
  StreamLimits limits;
  limits.unsent_max_bytes = 64u << 20;
  limits.partial_ms = std::numeric_limits<uint32_t>::max();  // HttpLimits has its own
  limits.stall_ms = 30'000;  // who subscribes and stops reading has time to read that it was cut
  return limits;
}

HttpConnection::HttpConnection(
    StreamLoop& shared,
    const StreamLimits& stream_limits,
    const HttpLimits& http_limits,
    HttpBudget& budget,
    HttpHost& host)
    : TcpStream(shared, stream_limits),
      host_(host),
      http_limits_(http_limits),
      loop_(shared),
      parser_(http_limits, &budget),
      held_share_(&budget),
      since_ms_(uv_now(shared.loop)) {}

HttpConnection::~HttpConnection() = default;

// ---- Requests -------------------------------------------------------------------------------

TcpStream::Taken HttpConnection::on_input(std::span<const std::byte> input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  // Reading goes on while a request is worked on, so that the end of its client is seen.
  size_t taken = 0;
  if (held_.empty()) taken = run(text);
  hold(text.substr(taken));
  return {.bytes = input.size()};
}

void HttpConnection::hold(std::string_view input) {
  if (input.empty() || !live()) return;
  if (held_share_.grow(held_, input.size())) {
    held_.append(input);
    return;
  }
  // Whoever sends ahead when memory is short gets the answer under way, and asks again for the
  // rest: what is pipelined may be left unanswered at any time.
  close_after_ = true;
  host_.on_http_dirty(*this);
}

size_t HttpConnection::run(std::string_view input) {
  size_t done = 0;
  int served = 0;
  while (live() && !waiting_ && done < input.size() && served < kServedMax) {
    if (close_after_) return input.size();  // nothing behind the last request counts
    if (congested()) flush();
    if (congested() || !live()) break;
    size_t taken = 0;
    const HttpParser::Outcome outcome = parser_.feed(input.substr(done), taken);
    done += taken;
    if (outcome == HttpParser::Outcome::Request) {
      ++served;
      on_request();  // once answered it is dirty, so what is left has its turn
    } else if (outcome == HttpParser::Outcome::Bad) {
      on_bad(parser_.status(), parser_.problem());
    } else if (outcome == HttpParser::Outcome::Continue && done == input.size()) {
      put(out(), "HTTP/1.1 100 Continue\r\n\r\n");
      host_.on_http_dirty(*this);
    }
  }
  if (in_request_ != parser_.in_request() || in_body_ != parser_.in_body()) {
    in_request_ = parser_.in_request();
    in_body_ = parser_.in_body();
    since_ms_ = uv_now(loop_.loop);
  }
  return done;
}

void HttpConnection::run_held() {
  if (held_.empty()) return;
  held_at_ += run(std::string_view(held_).substr(held_at_));
  if (held_at_ < held_.size() && live()) return;
  held_at_ = 0;
  held_share_.give_back(held_, kHeldIdleMax);
}

void HttpConnection::on_request() {
  waiting_ = true;
  if (!parser_.request().keep_alive) close_after_ = true;
  host_.on_http_request(*this);
}

void HttpConnection::on_bad(int status, std::string_view problem) {
  waiting_ = true;
  close_after_ = true;
  host_.on_http_bad(*this, status, problem);
}

void HttpConnection::on_end(std::span<const std::byte>) {
  ended_ = true;
  ended_ms_ = uv_now(loop_.loop);
  host_.on_http_dirty(*this);
}

void HttpConnection::on_sent() {
  if (congested()) return;
  if (streaming_ && starved_) {
    starved_ = false;
    host_.on_http_writable(*this);
  }
  if (live() && !waiting_ && !held_.empty()) host_.on_http_dirty(*this);
}

// ---- Answers --------------------------------------------------------------------------------

void HttpConnection::put_head(
    const HttpResponse& head, std::string_view coding, size_t body_bytes, bool vary) {
  const HttpRequest& request = parser_.request();
  std::vector<std::byte>& to = out();
  put(to, "HTTP/1.1 ");
  put_number(to, static_cast<uint64_t>(head.status));
  put(to, " ");
  put(to, http_reason(head.status));
  put(to, "\r\n");
  put(to, date_line());
  if (!head.content_type.empty()) {
    put(to, "Content-Type: ");
    put_value(to, head.content_type);
    put(to, "\r\n");
  }
  for (const auto& [name, value] : head.headers) {
    put(to, name);
    put(to, ": ");
    put_value(to, value);
    put(to, "\r\n");
  }
  if (vary) put(to, "Vary: Accept-Encoding\r\n");
  if (!coding.empty()) {
    put(to, "Content-Encoding: ");
    put(to, coding);
    put(to, "\r\n");
  }
  if (chunked_) {
    put(to, "Transfer-Encoding: chunked\r\n");
  } else if (!streaming_ && has_body(head.status)) {
    put(to, "Content-Length: ");
    put_number(to, body_bytes);
    put(to, "\r\n");
  }
  if (close_after_) {
    put(to, "Connection: close\r\n");
  } else if (!request.version_1_1) {
    put(to, "Connection: keep-alive\r\n");
  }
  put(to, "\r\n");
}

void HttpConnection::respond(const HttpResponse& response) {
  if (!live()) return;
  BERTH_CHECK(waiting_ && !streaming_);
  const HttpRequest& request = parser_.request();
  std::string_view body = has_body(response.status) ? response.body : std::string_view();
  const bool vary = body.size() >= kGzipMin && http_compressible(response.content_type);
  const bool gzip = vary && request.accepts_gzip;
  if (gzip) body = response.gzip.empty() ? zip(body) : response.gzip;
  put_head(response, gzip ? "gzip" : "", body.size(), vary);
  if (request.method != HttpMethod::Head) put(out(), body);
  answered();
}

void HttpConnection::begin(const HttpResponse& head) {
  if (!live()) return;
  BERTH_CHECK(waiting_ && !streaming_);
  const HttpRequest& request = parser_.request();
  streaming_ = true;
  starved_ = false;
  bodiless_ = request.method == HttpMethod::Head || !has_body(head.status);
  chunked_ = request.version_1_1 && has_body(head.status);
  if (!request.version_1_1) close_after_ = true;  // the end of the body is the end of all
  const bool vary = http_compressible(head.content_type);
  if (vary && request.accepts_gzip && !bodiless_) gzip_ = std::make_unique<HttpGzip>();
  put_head(head, vary && request.accepts_gzip ? "gzip" : "", 0, vary);
  if (!head.body.empty()) write(head.body);
  host_.on_http_dirty(*this);
}

void HttpConnection::put_chunk(std::string_view piece) {
  if (piece.empty()) return;  // an empty chunk would be the last
  std::vector<std::byte>& to = out();
  if (chunked_) {
    put_number(to, piece.size(), 16);
    put(to, "\r\n");
  }
  put(to, piece);
  if (chunked_) put(to, "\r\n");
}

void HttpConnection::write(std::string_view piece) {
  if (!live()) return;
  BERTH_CHECK(streaming_);
  since_ms_ = uv_now(loop_.loop);
  if (!bodiless_) put_chunk(gzip_ ? gzip_->write(piece) : piece);
  if (congested()) {
    flush();  // the end of a queued write is what tells of room
    starved_ = congested();
  }
  host_.on_http_dirty(*this);
}

void HttpConnection::end() {
  if (!live()) return;
  BERTH_CHECK(streaming_);
  if (gzip_) put_chunk(gzip_->end());
  if (chunked_ && !bodiless_) put(out(), "0\r\n\r\n");
  gzip_.reset();
  streaming_ = false;
  chunked_ = false;
  answered();
}

void HttpConnection::answered() {
  waiting_ = false;
  parser_.next();
  in_request_ = false;
  in_body_ = false;
  since_ms_ = uv_now(loop_.loop);
  host_.on_http_dirty(*this);
}

// ---- Turns and deadlines --------------------------------------------------------------------

void HttpConnection::proceed() {
  if (!waiting_) run_held();
  resume();
  flush();
  if (waiting_ || !live()) return;
  if (close_after_) {
    finish(ended_ ? CloseReason::Peer : CloseReason::Local);
  } else if (ended_ && held_.empty()) {
    finish(CloseReason::Peer);
  }
}

void HttpConnection::sweep_all() {
  sweep();
  if (!live()) return;
  // Whoever only ended its side gets what is answered soon; whoever has gone must not be given a
  // place, or events, for long.
  const uint64_t heard_ms = std::max(ended_ms_, since_ms_);
  if (ended_ && waiting_ && uv_now(loop_.loop) - heard_ms >= http_limits_.gone_ms) {
    return close(CloseReason::Peer);
  }
  if (waiting_ || ended_) return;
  const uint64_t age_ms = uv_now(loop_.loop) - since_ms_;
  const uint64_t mib = parser_.body_bytes() >> 20;
  if (in_body_ && age_ms >= http_limits_.body_ms * (1 + mib)) {
    on_bad(408, "the body took too long");
  } else if (in_request_ && !in_body_ && age_ms >= http_limits_.head_ms) {
    on_bad(408, "the head of the request took too long");
  } else if (!in_request_ && age_ms >= http_limits_.idle_ms && held_.empty()) {
    finish(CloseReason::Local);
  }
}

}  // namespace berth::net
