#include "core/jobs/outbox.h"

#include <iterator>
#include <utility>

#include "core/base/check.h"
#include "core/base/planted.h"

namespace berth::core {

void Outbox::release(Messages&& held, Effects& effects) {
  effects.messages.insert(effects.messages.end(), held.messages.begin(), held.messages.end());
  effects.text.adopt(std::move(held.text));
}

void Outbox::append(Messages&& held, Messages& to) {
  to.messages.insert(to.messages.end(), held.messages.begin(), held.messages.end());
  to.text.adopt(std::move(held.text));
}

void Outbox::close(StoreBatch& group, Effects& effects) {
  BERTH_CHECK(group.empty());
  Messages held = std::exchange(held_, {});
  if (BERTH_PLANTED(ReplyBeforeDurable)) release(std::exchange(held, {}), effects);
  if (!rows_.empty()) {
    rows_.sequence = ++closed_;
    group = std::exchange(rows_, {});
    groups_.push_back({closed_, std::move(held)});
  } else if (held.messages.empty()) {
    held_ = std::move(held);  // with the memory of its arena
    held_.text.clear();
  } else if (!groups_.empty()) {
    append(std::move(held), groups_.back().held);
  } else {
    release(std::move(held), effects);
  }
}

void Outbox::on_durable(uint64_t sequence, Effects& effects) {
  while (!groups_.empty() && groups_.front().sequence <= sequence) {
    release(std::move(groups_.front().held), effects);
    groups_.pop_front();
  }
}

}  // namespace berth::core
