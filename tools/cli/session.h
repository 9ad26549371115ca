#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/client/client.h"
#include "tools/cli/invocation.h"
#include "tools/cli/shapes.h"

namespace berth::cli {

/// What every command that asks the server shares: the client, and how answers and errors leave.
///
/// Errors   one sentence on stderr naming what to do, and for a place that is not found which
///          requirement rules out whom; with --json also the error object on stdout
class Session {
 public:
  explicit Session(const Invocation& invocation) : invocation_(invocation) {}

  /// The client, made when first needed; or null, and `exit` is what to end with.
  client::BlockingClient* client(Exit& exit);

  /// Ends the client: none of its callbacks runs once this has returned.
  void close() { client_.reset(); }

  /// Says what went wrong, and which exit code that is.
  enum class OnOut : uint8_t { Json, Nothing };  ///< Nothing: an answer has begun there
  Exit fail(const client::Error& error, OnOut on_out = OnOut::Json) const;

  const Invocation& invocation() const { return invocation_; }

 private:
  const Invocation& invocation_;
  std::unique_ptr<client::BlockingClient> client_;
};

Exit exit_code(const client::Error& error);

/// Everything at once, so that a broken pipe is one failure. False when it could not be written.
bool write_out(const std::string& text);

}  // namespace berth::cli
