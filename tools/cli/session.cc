#include "tools/cli/session.h"

#include <cstdio>

#include "net/text/whole_file.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

Exit refusal_exit(client::Refusal refusal) {
  switch (refusal) {
    case client::Refusal::BadRequest: return Exit::Usage;
    case client::Refusal::NotFound: return Exit::NotFound;
    case client::Refusal::Conflict: return Exit::Conflict;
    case client::Refusal::Denied: return Exit::Denied;
    case client::Refusal::ShuttingDown: return Exit::Unreachable;
    default: return Exit::Failed;
  }
}

std::string remedy(const client::Error& error) {
  if (error.code == client::ErrorCode::Unreachable) {
    return "; start berthd there, or name another with --server or BERTH_SERVER";
  }
  if (error.code == client::ErrorCode::TimedOut) return "; allow more with --timeout";
  return "";
}

// The whole file but the blanks at its end, as the server reads it.
client::Result<std::string> read_token(const std::string& path) {
  constexpr const char* kRemedy = "; name a file that holds the server's token";
  std::string token;
  std::string problem;
  if (!net::read_whole_file(path, token, problem)) {
    return client::Error{
        .code = client::ErrorCode::BadArgument, .message = "--token-file: " + problem + kRemedy};
  }
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ')
    token.pop_back();
  if (token.empty()) {
    return client::Error{
        .code = client::ErrorCode::BadArgument,
        .message = "--token-file: '" + path + "' is empty" + kRemedy};
  }
  return token;
}

}  // namespace

Exit exit_code(const client::Error& error) {
  switch (error.code) {
    case client::ErrorCode::Unreachable: return Exit::Unreachable;
    case client::ErrorCode::TimedOut: return Exit::TimedOut;
    case client::ErrorCode::Refused: return refusal_exit(error.refusal);
    case client::ErrorCode::CannotBePlaced:
      return error.no_place == client::NoPlace::TimedOut ? Exit::TimedOut : Exit::CannotBePlaced;
    case client::ErrorCode::WorkersRefused: return Exit::CannotBePlaced;
    case client::ErrorCode::BadArgument: return Exit::Usage;
    default: return Exit::Failed;
  }
}

bool write_out(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

client::BlockingClient* Session::client(Exit& exit) {
  if (client_) return client_.get();
  client::Options options;
  options.identity = "berth";
  options.timeout = invocation_.timeout;
  // A person waits: one look at every server, then say so.
  options.rounds_max = 1;
  if (!invocation_.token_file.empty()) {
    client::Result<std::string> token = read_token(invocation_.token_file);
    if (!token) {
      exit = fail(token.error());
      return nullptr;
    }
    options.token = std::move(token).value();
  }
  client::Result<std::vector<std::string>> endpoints = client::parse_endpoints(invocation_.server);
  if (endpoints) options.endpoints = std::move(endpoints).value();
  auto made = client::BlockingClient::create(std::move(options));
  if (!made) {
    exit = fail(made.error());
    return nullptr;
  }
  client_ = std::move(made).value();
  return client_.get();
}

Exit Session::fail(const client::Error& error, OnOut on_out) const {
  std::fprintf(stderr, "berth: %s%s\n", error.message.c_str(), remedy(error).c_str());
  // A table for people; --json has it in the error object.
  const bool explained =
      error.code == client::ErrorCode::CannotBePlaced && error.explanation.workers > 0;
  if (explained && !invocation_.json) {
    std::fputs(explanation_text(error.explanation).c_str(), stderr);
  }
  // The exit code says it, too, should nobody read.
  if (invocation_.json && on_out == OnOut::Json) (void)write_out(to_line(error_json(error)));
  return exit_code(error);
}

}  // namespace berth::cli
