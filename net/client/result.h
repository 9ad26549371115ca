#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Marks what the shared library offers; everything else in it is hidden.
#define BERTH_API __attribute__((visibility("default")))

namespace berth::client {

/// What went wrong, in the words a caller acts on.
enum class ErrorCode : uint8_t {
  Unreachable,     ///< no server could be reached, or the connection ended before the answer
  TimedOut,        ///< the deadline of the request passed
  Refused,         ///< the server said no: `refusal` says why
  CannotBePlaced,  ///< no worker fits: `no_place` and `explanation` say why
  WorkersRefused,  ///< every worker offered refused the task
  BadArgument,     ///< the request cannot be sent as it is
  Overloaded,      ///< `Options::pending_max` requests are already under way
  Protocol,        ///< the peer does not speak this protocol
  Stopped,         ///< the client was destroyed before the answer came
  Checksum,        ///< what was read is not what its writer kept
};

/// The server's reasons. The same numbers as on the wire.
enum class Refusal : uint8_t {
  None = 0,
  BadRequest = 1,
  NotFound = 2,
  Conflict = 3,
  Denied = 4,
  Busy = 5,
  LimitReached = 6,
  Stale = 7,
  Unsupported = 8,
  ShuttingDown = 9,
};

/// Why there is no place. The same numbers as on the wire.
enum class NoPlace : uint8_t { NoWorkers = 0, Eliminated = 1, TimedOut = 2, QueueFull = 3 };

/// How many workers one requirement ruled out, each worker counted at the first that did.
struct Elimination {
  std::string requirement{};  ///< `tag:gpu`, `cpu`, `offline`
  uint32_t workers = 0;
  int64_t asked = 0;    ///< of a resource: milli, MiB, Mbit/s or a count; 0: it is none
  int64_t largest = 0;  ///< the most of it that one of these workers has left, or in all
};

struct Explanation {
  uint32_t workers = 0;  ///< how many were looked at
  uint32_t eligible = 0;
  std::vector<Elimination> eliminated{};
  uint32_t queue_position = 0;  ///< 1 is next; 0: not queued
};

struct Error {
  ErrorCode code = ErrorCode::Protocol;
  Refusal refusal = Refusal::None;        ///< with ErrorCode::Refused
  NoPlace no_place = NoPlace::NoWorkers;  ///< with ErrorCode::CannotBePlaced
  std::string message{};                  ///< one sentence: what, the value, the remedy
  Explanation explanation{};              ///< with ErrorCode::CannotBePlaced
};

/// `unreachable`, `timed_out`, `not_found`: one token for each way to fail.
BERTH_API std::string_view error_token(const Error& error);

/// A value, or why there is none. Reading the one that is not there stops the program.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT(google-explicit-constructor): reads
  Result(Error error) : error_(std::move(error)) {}  // as the value it is, like std::expected

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }

  const T& value() const& { return *checked(value_); }
  T& value() & { return *checked(value_); }
  T&& value() && { return std::move(*checked(value_)); }
  const Error& error() const { return *checked(error_); }

  const T* operator->() const { return &value(); }
  const T& operator*() const { return value(); }

 private:
  template <typename Held>
  static Held& checked(Held& held) {
    if (!held.has_value()) std::abort();
    return held;
  }

  std::optional<T> value_;
  std::optional<Error> error_;
};

}  // namespace berth::client
