#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "net/api/asker.h"

namespace berth::net {

/// Whether the ledger answers, for /readyz: whoever probes a server wants an answer in time, above
/// all when the ledger gives none.
///
/// Shape    one question to the ledger at a time, for all who want to know meanwhile
/// Threads  the gateway's
/// Memory   a few words for each who waits
class LedgerProbe final : private Peer {
 public:
  enum class Finding : uint8_t { Answers, Busy, Silent };
  using Then = std::function<void(Finding)>;

  /// Before the second is over that probes usually wait.
  static constexpr core::Duration kPatience = core::Duration::milliseconds(800);

  explicit LedgerProbe(Asker& asker) : asker_(asker) {}

  /// `then` is called once: inside this call, or later, and at once when the ledger has owed an
  /// answer for longer than `kPatience`. `who` is for `forget` alone.
  void ask(const void* who, core::Instant now, Then then);
  /// It does not want to know any more.
  void forget(const void* who);
  void on_tick(core::Instant now);

 private:
  struct Waiting {
    const void* who;
    core::Instant since;
    Then then;
  };

  // Peer
  void on_reply(wire::RequestId request, const wire::Reply& reply) override;
  void on_ended() override;

  void tell_all(Finding finding);

  Asker& asker_;
  std::vector<Waiting> waiting_;
  wire::RequestId asked_;
  bool awaited_ = false;
  core::Instant asked_at_;
};

}  // namespace berth::net
