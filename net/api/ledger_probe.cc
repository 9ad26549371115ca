#include "net/api/ledger_probe.h"

namespace berth::net {

void LedgerProbe::ask(const void* who, core::Instant now, Then then) {
  if (awaited_ && now - asked_at_ >= kPatience) return then(Finding::Silent);
  waiting_.push_back({who, now, std::move(then)});
  if (awaited_) return;
  awaited_ = true;
  asked_at_ = now;
  if (id.value == 0) asker_.open(*this);
  asked_ = {asked_.value + 1};
  if (asked_.value == 0) asked_ = {1};  // 0 is for what nobody asked for
  // A job that cannot be: whatever the ledger says of it, it has answered.
  asker_.ask(*this, asked_, wire::ShowJob{wire::JobId{UINT64_MAX}});
}

void LedgerProbe::forget(const void* who) {
  std::erase_if(waiting_, [who](const Waiting& one) { return one.who == who; });
}

void LedgerProbe::on_reply(wire::RequestId request, const wire::Reply& reply) {
  if (!awaited_ || request != asked_) return;
  awaited_ = false;
  const auto* refused = std::get_if<wire::Refused>(&reply);
  const bool answers = refused == nullptr || refused->code == wire::Refusal::NotFound;
  tell_all(answers ? Finding::Answers : Finding::Busy);
}

void LedgerProbe::on_ended() {
  id = {};
  awaited_ = false;
  tell_all(Finding::Busy);
}

// Whoever is told may ask again.
void LedgerProbe::tell_all(Finding finding) {
  for (const Waiting& one : std::exchange(waiting_, {}))
    one.then(finding);
}

void LedgerProbe::on_tick(core::Instant now) {
  std::vector<Waiting> late;
  std::erase_if(waiting_, [&](Waiting& one) {
    if (now - one.since < kPatience) return false;
    late.push_back(std::move(one));
    return true;
  });
  for (const Waiting& one : late)
    one.then(Finding::Silent);
}

}  // namespace berth::net
