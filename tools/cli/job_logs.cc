#include <cstdio>

#include "net/sha256.h"
#include "tools/cli/commands.h"
#include "tools/cli/selectors.h"
#include "tools/cli/shapes.h"

namespace berth::cli {
namespace {

/// Where the pieces go: out as they are, or into the one object of --json.
struct Sink {
  bool json = false;
  bool written = true;
  std::string text;
  uint32_t attempt = 0;
  bool complete = false;

  bool take(const client::LogChunk& chunk) {
    if (chunk.attempt != 0) attempt = chunk.attempt;
    complete = chunk.complete;
    if (json) {
      text += chunk.data;
    } else if (!chunk.data.empty()) {
      written = write_out(chunk.data);
    }
    return written;
  }
};

/// What there is now, without waiting for more.
client::Result<client::LogEnd> read_now(
    client::BlockingClient& berth, client::LogRequest request, Sink& sink) {
  net::Sha256 digest;
  while (true) {
    const auto chunk = berth.read_log(request);
    if (!chunk) return chunk.error();
    digest.add(std::as_bytes(std::span(chunk->data)));
    request.offset += chunk->data.size();
    if (chunk->attempt != 0) request.attempt = chunk->attempt;
    const bool more = sink.take(*chunk) && !chunk->complete && request.offset < chunk->size &&
                      !chunk->data.empty();
    if (more) continue;
    if (chunk->complete && !chunk->sha256.empty() && digest.hex() != chunk->sha256) {
      return client::Error{
          .code = client::ErrorCode::Checksum,
          .message = "the output of job " + std::to_string(request.job) +
                     " does not have the SHA-256 that its worker wrote, " + chunk->sha256 +
                     "; it was changed or damaged there"};
    }
    return client::LogEnd{
        .attempt = request.attempt,
        .bytes = request.offset,
        .truncated = chunk->truncated,
        .sha256 = chunk->sha256};
  }
}

}  // namespace

Exit run_job_logs(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const Invocation& asked = session.invocation();
  const auto job = find_job(*berth, asked.server, asked.job.selectors.front());
  if (!job) return session.fail(job.error());
  client::LogRequest request{.job = *job, .attempt = asked.job.attempt};
  const bool err = asked.job.stderr_stream;
  if (err) request.stream = client::OutputStream::Stderr;
  Sink sink{.json = asked.json};
  const auto end =
      asked.job.follow
          ? berth->follow_log(request, [&](const client::LogChunk& c) { return sink.take(c); })
          : read_now(*berth, request, sink);
  if (!sink.written) return Exit::Failed;
  if (!end) return session.fail(end.error());
  if (end->truncated) {
    std::fprintf(
        stderr,
        "berth: the output was cut at the worker's limit, after %llu bytes\n",
        static_cast<unsigned long long>(end->bytes));
  }
  if (!asked.json) return Exit::Ok;
  const Json json = {
      {"job_id", *job},
      {"attempt", end->attempt},
      {"stream", err ? "stderr" : "stdout"},
      {"bytes", end->bytes},
      {"complete", sink.complete},
      {"truncated", end->truncated},
      {"sha256", end->sha256.empty() ? Json(nullptr) : Json(end->sha256)},
      {"text", sink.text},
  };
  return write_out(to_line(json)) ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
