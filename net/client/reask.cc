#include "net/client/reask.h"

#include <atomic>
#include <utility>

namespace berth::client {

Reask::Reask(
    std::weak_ptr<Client::Impl> impl,
    PlaceRequest request,
    TryStart try_start,
    Callback<Placement> done,
    Milliseconds timeout)
    : impl_(std::move(impl)),
      request_(std::move(request)),
      try_start_(std::move(try_start)),
      done_(std::move(done)),
      timeout_(timeout) {}

void Reask::ask() {
  const std::shared_ptr<Client::Impl> impl = impl_.lock();
  if (!impl || !done_) return;
  ++asked_;
  Callback<Placement> placed = [self = shared_from_this()](Result<Placement> result) {
    self->on_placed(std::move(result));
  };
  impl->submit(
      std::move(placed),
      Resend::Harmless,
      timeout_,
      [this](Outgoing& to, std::vector<std::byte>& frame) { to.place(request_, frame); });
}

void Reask::on_placed(Result<Placement> result) {
  if (!done_) return;
  if (!result) {
    end(std::move(result));
    return;
  }
  placement_ = std::move(result).value();
  // A copy: the decision may come at once, and change `placement_`.
  const Placement offered = placement_;
  try_start_(offered, decision());
}

// Shared by all copies of the `Accept`; the first to be called, or the end of the last, decides.
Accept Reask::decision() {
  struct Decision {
    std::weak_ptr<Client::Impl> impl;
    std::shared_ptr<Reask> reask;
    std::atomic<bool> made{false};

    void make(bool accepted) {
      if (made.exchange(true)) return;
      const std::shared_ptr<Client::Impl> alive = impl.lock();
      // A client that has stopped has answered already.
      if (alive) (void)alive->run([to = reask, accepted] { to->on_decision(accepted); });
    }
    ~Decision() { make(false); }
  };
  auto decision = std::make_shared<Decision>();
  decision->impl = impl_;
  decision->reask = shared_from_this();
  return [decision](bool accepted) {
    decision->make(accepted);
  };
}

void Reask::on_decision(bool accepted) {
  const std::shared_ptr<Client::Impl> impl = impl_.lock();
  if (!impl || !done_) return;
  if (accepted) {
    end(std::move(placement_));
    return;
  }
  request_.exclude_workers.push_back(placement_.worker);
  Callback<Released> released = [self = shared_from_this()](const Result<Released>&) {
    // Whatever the answer: what was not released expires.
    self->on_released();
  };
  const ReleaseRequest back{.reservations = {placement_.reservation}};
  impl->submit(
      std::move(released),
      Resend::Harmless,
      timeout_,
      [&back](Outgoing& to, std::vector<std::byte>& frame) { to.release(back, frame); });
}

void Reask::on_released() {
  if (asked_ <= kReasksMax) {
    ask();
    return;
  }
  std::string refusers;
  for (size_t i = request_.exclude_workers.size() - static_cast<size_t>(asked_);
       i < request_.exclude_workers.size();
       ++i) {
    refusers += (refusers.empty() ? "" : ", ") + request_.exclude_workers[i];
  }
  end(Error{
      .code = ErrorCode::WorkersRefused,
      .message = "task " + request_.task + " was refused by " + std::to_string(asked_) +
                 " workers (" + refusers + "); ask again later"});
}

void Reask::abandon(const Error& error) {
  end(error);
}

void Reask::end(Result<Placement> result) {
  if (!done_) return;
  const Callback<Placement> done = std::exchange(done_, nullptr);
  if (const std::shared_ptr<Client::Impl> impl = impl_.lock()) impl->end_reask(shared_from_this());
  done(std::move(result));
}

}  // namespace berth::client
