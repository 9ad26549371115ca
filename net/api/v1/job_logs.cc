#include <memory>
#include <string>

#include "net/api/v1/jobs.h"
#include "wire/tokens.h"

// What an attempt wrote, as it is or as it comes.

namespace berth::net::v1 {
namespace {

constexpr uint32_t kFollowMs = 20'000;

/// One log on its way to its client, piece after piece.
struct LogStream {
  explicit LogStream(Exchange& exchange)
      : exchange(exchange),
        follow(exchange.truth("follow")),
        job(job_of(exchange)),
        attempt(static_cast<uint32_t>(exchange.number("attempt"))),
        stream(
            exchange.parameter("stream") == "stderr" ? wire::OutputStream::Stderr
                                                     : wire::OutputStream::Stdout),
        offset(exchange.number("offset")) {}

  wire::ReadLog request(uint64_t from, bool wait) const {
    wire::ReadLog read;
    read.job = job;
    read.attempt = attempt;
    read.stream = stream;
    read.offset = from;
    read.wait_ms = wait ? kFollowMs : 0;
    return read;
  }

  Exchange& exchange;
  const bool follow;
  const wire::JobId job;
  uint32_t attempt;
  const wire::OutputStream stream;
  uint64_t offset;
  uint64_t size = 0;  ///< of all there was when it began
  bool begun = false;
  std::string held;  ///< the first piece, while the end is looked at
};

using Log = std::shared_ptr<LogStream>;

void ask_piece(const Log& log);

/// The digest of the whole is known before the first byte goes out, once the attempt has ended.
void begin(LogStream& log, const wire::LogChunk& end) {
  const std::string attempt = std::to_string(log.attempt);
  const std::string size = std::to_string(end.size);
  const std::pair<std::string_view, std::string_view> headers[] = {
      {"Berth-Attempt", attempt},
      {"Berth-Log-Size", size},
      {"Berth-Log-Complete", end.complete ? "true" : "false"},
      {"Berth-Log-Truncated", end.truncated ? "true" : "false"},
      {"Berth-Log-Sha256", end.sha256}};
  const size_t known = end.complete && !end.sha256.empty() ? 5 : 4;
  log.begun = true;
  log.size = end.size;
  log.exchange.begin({.content_type = kTextType, .headers = {headers, known}});
}

/// Writes the piece; then the next one, when the client has read enough.
void pass_on(const Log& log, std::string_view data, bool complete) {
  if (log->exchange.request().method == HttpMethod::Head) return log->exchange.end();
  if (!data.empty()) log->exchange.write(data);
  log->offset += data.size();
  const bool over = complete || (!log->follow && (data.empty() || log->offset >= log->size));
  if (over) return log->exchange.end();
  log->exchange.go_on([log] { ask_piece(log); });
}

void on_end_seen(const Log& log, const wire::Reply& reply) {
  const auto* end = std::get_if<wire::LogChunk>(&reply);
  if (end == nullptr) {
    const auto* refused = std::get_if<wire::Refused>(&reply);
    return log->exchange.refuse(
        refused != nullptr ? *refused : wire::Refused{wire::Refusal::Unsupported, "no log came"});
  }
  begin(*log, *end);
  const std::string held = std::exchange(log->held, {});
  pass_on(log, held, false);
}

void on_first(const Log& log, const wire::LogChunk& chunk) {
  if (chunk.attempt == 0) {
    if (log->follow) return ask_piece(log);
    return log->exchange.problem(
        {.status = 404,
         .code = "not_found",
         .detail = "job " + std::to_string(log->job.value) + " has not started yet",
         .hint = "follow=true waits for it"});
  }
  log->attempt = chunk.attempt;
  const std::string_view data(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
  if (chunk.complete || chunk.offset + data.size() >= chunk.size) {
    begin(*log, chunk);
    return pass_on(log, data, chunk.complete);
  }
  log->held = data;
  log->exchange.ask(log->request(chunk.size, false), [log](const wire::Reply& reply) {
    on_end_seen(log, reply);
  });
}

void ask_piece(const Log& log) {
  const wire::ReadLog read = log->request(log->offset, log->follow);
  log->exchange.ask(read, [log](const wire::Reply& reply) {
    const auto* chunk = std::get_if<wire::LogChunk>(&reply);
    if (chunk != nullptr && !log->begun) return on_first(log, *chunk);
    if (chunk != nullptr) {
      const auto* data = reinterpret_cast<const char*>(chunk->data.data());
      return pass_on(log, {data, chunk->data.size()}, chunk->complete);
    }
    // Its client goes on with `offset`; how much there should be, the head has said.
    if (log->begun) return log->exchange.end();
    const auto* refused = std::get_if<wire::Refused>(&reply);
    log->exchange.refuse(
        refused != nullptr ? *refused : wire::Refused{wire::Refusal::Unsupported, "no log came"});
  });
}

}  // namespace

void read_job_log(Exchange& exchange) {
  ask_piece(std::make_shared<LogStream>(exchange));
}

}  // namespace berth::net::v1
