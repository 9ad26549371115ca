#include "net/http/http_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <string>

#include "net/http/http_head.h"
#include "net/http/http_lines.h"
#include "net/http/http_target.h"

namespace berth::net {
namespace {

constexpr size_t kLeadingMax = 8;         // bytes of empty lines in front of a request
constexpr size_t kRequestLineSpare = 64;  // for method and version
constexpr size_t kChunkLineMax = 1024;    // a size with its extensions, or a trailer
constexpr size_t kFramingPerByte = 8;     // of a body in the smallest chunks

HttpMethod method_of(std::string_view name) {
  for (int i = 0; i < static_cast<int>(HttpMethod::Other); ++i) {
    if (http_method_name(static_cast<HttpMethod>(i)) == name) return static_cast<HttpMethod>(i);
  }
  return HttpMethod::Other;
}

}  // namespace

struct HttpParser::State {
  enum class Phase : uint8_t { Start, Head, Sized, Chunked, Whole, Bad };

  State(const HttpLimits& http_limits, HttpBudget* budget)
      : limits(http_limits), body_share(budget) {
    restart();
  }

  void restart();
  Outcome feed_head(std::string_view input, size_t& taken);
  bool skip_leading(std::string_view& input, size_t& taken);
  Outcome read_head(std::string_view text);
  Outcome begin_body();
  Outcome feed_sized(std::string_view input, size_t& taken);
  Outcome feed_chunked(std::string_view input, size_t& taken);
  bool check_framing(const char* until);
  void end_header();
  bool add_to_body(std::string_view piece);
  Outcome bad(int with_status, std::string_view what);
  Outcome whole();

  // What llhttp calls.
  static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }
  static const llhttp_settings_t& settings();
  int on_header_name(std::string_view piece);
  int on_body(const char* at, size_t bytes);
  int on_chunk(uint64_t bytes);

  const HttpLimits limits;
  HttpRequest request;
  HttpShare body_share;
  Phase phase = Phase::Start;
  int status = 0;
  std::string_view problem;
  std::string raw;  // a head that came in pieces
  HttpLines lines;
  HttpHead head;
  llhttp_t parser = {};
  HttpRequest::Header header;  // the one being read
  size_t leading = 0;
  uint64_t body_left = 0;
  const char* framing = nullptr;  // of the input, from here on, has not been looked at by `lines`
};

// ---- llhttp ---------------------------------------------------------------------------------

const llhttp_settings_t& HttpParser::State::settings() {
  static const llhttp_settings_t all = [] {
    llhttp_settings_t to;
    llhttp_settings_init(&to);
    to.on_header_field = [](llhttp_t* p, const char* at, size_t bytes) {
      return of(p).on_header_name({at, bytes});
    };
    to.on_header_field_complete = [](llhttp_t* p) {
      State& self = of(p);
      const auto end = static_cast<uint32_t>(self.request.head_.size());
      self.header.name_bytes = end - self.header.name_at;
      self.header.value_at = end;
      return 0;
    };
    to.on_header_value = [](llhttp_t* p, const char* at, size_t bytes) {
      if (of(p).phase == Phase::Head) of(p).request.head_.append(at, bytes);
      return 0;
    };
    to.on_header_value_complete = [](llhttp_t* p) {
      if (of(p).phase == Phase::Head) of(p).end_header();
      return of(p).status == 0 ? 0 : -1;
    };
    to.on_headers_complete = [](llhttp_t* p) {
      p->upgrade = 0;  // is not offered, so what follows is HTTP/1.1 as before
      // Where there is no body, llhttp has forgotten these by the end of the head.
      of(p).request.keep_alive = llhttp_should_keep_alive(p) != 0;
      of(p).body_left = (p->flags & F_CONTENT_LENGTH) != 0 ? p->content_length : 0;
      return 0;
    };
    to.on_chunk_header = [](llhttp_t* p) {
      return of(p).on_chunk(p->content_length);
    };
    to.on_body = [](llhttp_t* p, const char* at, size_t bytes) {
      return of(p).on_body(at, bytes);
    };
    to.on_message_complete = [](llhttp_t* p) -> int {
      return of(p).phase == Phase::Chunked ? HPE_PAUSED : HPE_OK;
    };
    return to;
  }();
  return all;
}

int HttpParser::State::on_header_name(std::string_view piece) {
  if (phase != Phase::Head) return 0;  // trailers: checked for their syntax, and left out
  for (const char c : piece)
    request.head_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return 0;
}

void HttpParser::State::end_header() {
  std::string& text = request.head_;
  while (text.size() > header.value_at && (text.back() == ' ' || text.back() == '\t'))
    text.pop_back();
  header.value_bytes = static_cast<uint32_t>(text.size()) - header.value_at;
  const std::string_view all = text;
  if (!head.add(
          all.substr(header.name_at, header.name_bytes),
          all.substr(header.value_at, header.value_bytes))) {
    (void)bad(head.status, head.problem);
  }
  request.headers_.push_back(header);
  header = {.name_at = static_cast<uint32_t>(text.size())};
}

int HttpParser::State::on_chunk(uint64_t bytes) {
  if (bytes <= limits.body_bytes_max - request.body_.size()) return 0;
  (void)bad(413, "the body is too large");
  return -1;
}

int HttpParser::State::on_body(const char* at, size_t bytes) {
  if (!check_framing(at)) return -1;
  framing = at + bytes;
  if (!add_to_body({at, bytes})) return -1;
  lines.allow(kFramingPerByte * bytes);
  return 0;
}

// ---- One request ----------------------------------------------------------------------------

void HttpParser::State::restart() {
  body_share.give_back(request.body_, HttpRequest::kKeptMax);
  request.clear();
  phase = Phase::Start;
  status = 0;
  raw.clear();
  if (raw.capacity() > 4096) std::string().swap(raw);
  head = {};
  header = {};
  leading = 0;
  body_left = 0;
  lines.start(
      {.first_line_max = limits.target_bytes_max + kRequestLineSpare,
       .line_max = limits.head_bytes_max,
       .total_max = limits.head_bytes_max,
       .lines_max = limits.headers_max + 2,  // the request line and the empty one
       .first_line_status = 414,
       .first_line_problem = "the request line is too long"});
}

HttpParser::Outcome HttpParser::State::bad(int with_status, std::string_view what) {
  phase = Phase::Bad;
  status = with_status;
  problem = what;
  request.keep_alive = false;
  body_share.give_back(request.body_);
  return Outcome::Bad;
}

HttpParser::Outcome HttpParser::State::whole() {
  phase = Phase::Whole;
  return Outcome::Request;
}

bool HttpParser::State::skip_leading(std::string_view& input, size_t& taken) {
  while (!input.empty() && (input.front() == '\r' || input.front() == '\n' || leading % 2 != 0)) {
    if (input.front() != (leading % 2 == 0 ? '\r' : '\n') || leading == kLeadingMax) return false;
    ++leading;
    ++taken;
    input.remove_prefix(1);
  }
  if (!input.empty()) phase = Phase::Head;
  return true;
}

HttpParser::Outcome HttpParser::State::feed_head(std::string_view input, size_t& taken) {
  if (phase == Phase::Start && !skip_leading(input, taken)) {
    return bad(400, "there are empty lines in front of the request");
  }
  size_t bytes = 0;
  const HttpLines::Outcome seen = lines.feed(input, bytes);
  taken += bytes;
  if (seen == HttpLines::Outcome::Bad) return bad(lines.status(), lines.problem());
  if (raw.empty() && seen == HttpLines::Outcome::Blank) return read_head(input.substr(0, bytes));
  raw.append(input.substr(0, bytes));
  return seen == HttpLines::Outcome::Blank ? read_head(raw) : Outcome::More;
}

HttpParser::Outcome HttpParser::State::read_head(std::string_view text) {
  HttpRequestLine line;
  if (!line.read(text.substr(0, text.find('\r')), limits.target_bytes_max, status, problem)) {
    return bad(status, problem);
  }
  request.target_ = line.target;
  request.method = method_of(line.method);
  request.version_1_1 = line.version_1_1;
  HttpTarget target = {request.path_, request.query_text_, request.query_, {}, {}};
  if (!target.read(request.target_, limits.parameters_max)) return bad(400, target.problem);
  request.authority_ = target.authority;
  llhttp_init(&parser, HTTP_REQUEST, &settings());
  parser.data = this;
  const llhttp_errno_t error = llhttp_execute(&parser, text.data(), text.size());
  if (status != 0) return Outcome::Bad;
  if (error == HPE_INVALID_METHOD) return bad(501, "the method is not known");
  if (error == HPE_UNEXPECTED_CONTENT_LENGTH) {
    return bad(400, "the body's length is given in two ways");
  }
  if (error == HPE_INVALID_TRANSFER_ENCODING) return bad(400, "Transfer-Encoding is malformed");
  if (error == HPE_INVALID_CONTENT_LENGTH) return bad(400, "Content-Length is no number");
  if (error == HPE_INVALID_HEADER_TOKEN) return bad(400, "a header is malformed");
  if (error != HPE_OK) return bad(400, "the request is malformed");
  request.accepts_gzip = head.accepts_gzip;
  if (!head.check(line.version_1_1)) return bad(head.status, head.problem);
  return begin_body();
}

HttpParser::Outcome HttpParser::State::begin_body() {
  if (!head.chunked) {
    if (body_left > limits.body_bytes_max) return bad(413, "the body is too large");
    if (body_left == 0) return whole();
    // No more than its own part: announcing a body costs its client nothing.
    request.body_.reserve(std::min<uint64_t>(body_left, HttpBudget::kOwnBytes));
  }
  phase = head.chunked ? Phase::Chunked : Phase::Sized;
  lines.start(
      {.first_line_max = kChunkLineMax,
       .line_max = kChunkLineMax,
       .total_max = limits.head_bytes_max,
       .lines_max = ~size_t{0},
       .first_line_status = 431,
       .first_line_problem = "a chunk's extensions are too long"});
  return head.expects_continue ? Outcome::Continue : Outcome::More;
}

bool HttpParser::State::add_to_body(std::string_view piece) {
  if (!body_share.grow(request.body_, piece.size())) {
    (void)bad(503, "too much is being sent to the server at the moment");
    return false;
  }
  request.body_.append(piece);
  return true;
}

HttpParser::Outcome HttpParser::State::feed_sized(std::string_view input, size_t& taken) {
  const std::string_view piece = input.substr(0, body_left);
  taken += piece.size();
  if (!add_to_body(piece)) return Outcome::Bad;
  body_left -= piece.size();
  return body_left == 0 ? whole() : Outcome::More;
}

bool HttpParser::State::check_framing(const char* until) {
  if (lines.status() != 0) return false;
  while (framing < until) {
    size_t taken = 0;
    const std::string_view text(framing, static_cast<size_t>(until - framing));
    if (lines.feed(text, taken) == HttpLines::Outcome::Bad) {
      (void)bad(lines.status(), lines.problem());
      return false;
    }
    framing += taken;
  }
  return true;
}

HttpParser::Outcome HttpParser::State::feed_chunked(std::string_view input, size_t& taken) {
  framing = input.data();
  const llhttp_errno_t error = llhttp_execute(&parser, input.data(), input.size());
  const char* const end =
      error == HPE_OK ? input.data() + input.size() : llhttp_get_error_pos(&parser);
  // What is wrong with a line in front of what llhttp stumbled over comes first, as it would have
  // if the input had been split there.
  if (!check_framing(end) || status != 0) return Outcome::Bad;
  taken += static_cast<size_t>(end - input.data());
  if (error == HPE_OK) return Outcome::More;
  if (error == HPE_PAUSED) return whole();
  return error == HPE_INVALID_CHUNK_SIZE ? bad(400, "the size of a chunk is malformed")
                                         : bad(400, "a chunk is malformed");
}

// ---- The parser -----------------------------------------------------------------------------

HttpParser::HttpParser(const HttpLimits& limits, HttpBudget* budget)
    : state_(std::make_unique<State>(limits, budget)) {}

HttpParser::~HttpParser() = default;

HttpParser::Outcome HttpParser::feed(std::string_view input, size_t& taken) {
  using Phase = State::Phase;
  State& state = *state_;
  taken = 0;
  if (state.phase == Phase::Whole) return Outcome::Request;
  if (state.phase == Phase::Bad) return Outcome::Bad;
  if (state.phase <= Phase::Head) {
    const Outcome outcome = state.feed_head(input, taken);
    if (outcome != Outcome::More || state.phase <= Phase::Head) return outcome;
    input.remove_prefix(taken);
  }
  return state.phase == Phase::Sized ? state.feed_sized(input, taken)
                                     : state.feed_chunked(input, taken);
}

bool HttpParser::finish() {
  return !in_request();
}

void HttpParser::next() {
  state_->restart();
}

HttpRequest& HttpParser::request() {
  return state_->request;
}

int HttpParser::status() const {
  return state_->status;
}

std::string_view HttpParser::problem() const {
  return state_->problem;
}

bool HttpParser::in_request() const {
  return state_->phase != State::Phase::Start && state_->phase != State::Phase::Whole;
}

bool HttpParser::in_body() const {
  return state_->phase == State::Phase::Sized || state_->phase == State::Phase::Chunked;
}

size_t HttpParser::body_bytes() const {
  return state_->request.body_.size();
}

}  // namespace berth::net
