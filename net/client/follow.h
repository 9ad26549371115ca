#pragma once

#include <memory>

#include "net/client/impl.h"
#include "net/sha256.h"

namespace berth::client {

/// What lost connections mean to something that asks again and again: nothing, once a server has
/// answered. Each question is pending for as long as the server may hold it, and then its timeout.
class LongPoll {
 public:
  static constexpr Milliseconds kWait{20'000};

  /// True when `error` is one to wait out.
  bool outlasts(const Error& error) const;
  void on_answered() { answered_ = true; }

 private:
  bool answered_ = false;
};

/// One wait for jobs to end.
///
/// Threads  the loop's
/// Errors   exactly one answer
class JobWait : public std::enable_shared_from_this<JobWait> {
 public:
  JobWait(std::shared_ptr<Client::Impl> impl, WaitRequest request, Callback<JobCounts> done);

  void ask();

 private:
  void on_counts(Result<JobCounts> result);
  Milliseconds left() const;

  const std::weak_ptr<Client::Impl> impl_;
  const WaitRequest request_;
  const Callback<JobCounts> done_;
  const uint64_t began_ms_;
  LongPoll poll_;
  bool asked_ = false;
};

/// One log, piece after piece. A worker that is not connected just now is waited for.
///
/// Threads  the loop's
/// Errors   exactly one answer
class LogFollow : public std::enable_shared_from_this<LogFollow> {
 public:
  LogFollow(
      std::shared_ptr<Client::Impl> impl,
      LogRequest request,
      std::function<bool(const LogChunk&)> on_chunk,
      Callback<LogEnd> done);

  void ask();

 private:
  void on_chunk(Result<LogChunk> result);
  bool ask_later(const Error& error);
  void end(const LogChunk& last);

  const std::weak_ptr<Client::Impl> impl_;
  LogRequest request_;
  const std::function<bool(const LogChunk&)> take_;
  const Callback<LogEnd> done_;
  const bool from_start_;
  net::Sha256 digest_;
  LongPoll poll_;
  int busy_ = 0;  // answers without a piece, one after the other
};

}  // namespace berth::client
