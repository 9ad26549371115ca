#pragma once

#include <memory>

#include "net/client/impl.h"

namespace berth::client {

/// One task offered to worker after worker until one takes it.
///
/// Shape    ask → try to start → on a no: release, wait for its answer, exclude, ask again. The
///          release is waited for because a place that overtook it would get the old worker again
/// Threads  the loop's
/// Errors   exactly one answer; a decision that is dropped unsaid counts as a no
class Reask : public std::enable_shared_from_this<Reask> {
 public:
  static constexpr int kReasksMax = 3;

  Reask(
      std::weak_ptr<Client::Impl> impl,
      PlaceRequest request,
      TryStart try_start,
      Callback<Placement> done,
      Milliseconds timeout);

  void ask();
  void abandon(const Error& error);

 private:
  void on_placed(Result<Placement> result);
  void on_decision(bool accepted);
  void on_released();
  void end(Result<Placement> result);
  Accept decision();

  const std::weak_ptr<Client::Impl> impl_;
  PlaceRequest request_;
  const TryStart try_start_;
  Callback<Placement> done_;  // empty once answered
  const Milliseconds timeout_;
  Placement placement_;
  int asked_ = 0;
};

}  // namespace berth::client
