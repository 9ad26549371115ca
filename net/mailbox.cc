#include "net/mailbox.h"

#include <concurrentqueue/concurrentqueue.h>

#include "core/base/check.h"

namespace berth::net {
namespace {

// Letters of one wake-up; then the loop sees to its sockets before the rest.
constexpr int kBurst = 256;

size_t weight(const Letter& letter) {
  constexpr size_t kBase = 64;
  if (const auto* batch = std::get_if<RequestBatch>(&letter)) return kBase + batch->records.size();
  if (const auto* batch = std::get_if<ReplyBatch>(&letter)) return kBase + batch->records.size();
  if (const auto* batch = std::get_if<LedgerBatch>(&letter)) {
    size_t bytes = kBase + batch->requests.size();
    for (const core::LedgerEvent& event : batch->events) {
      bytes += sizeof event;
      if (const auto* wait = std::get_if<core::WaitForPlace>(&event)) bytes += wait->frame.size();
    }
    return bytes;
  }
  if (const auto* commit = std::get_if<CommitGroup>(&letter)) return kBase + commit->group.bytes();
  return kBase;
}

}  // namespace

struct Mailbox::Queue {
  struct Item {
    Letter letter;
    size_t weight = 0;
  };
  // Grown on demand: few letters are ever under way, and an idle server stays small.
  moodycamel::ConcurrentQueue<Item> items{32};
};

Mailbox::Mailbox(uv_loop_t* loop, Reader& reader, size_t bytes_max)
    : reader_(reader), bytes_max_(bytes_max), queue_(std::make_unique<Queue>()) {
  wake_.data = this;
  const int status = uv_async_init(
      loop, &wake_, [](uv_async_t* handle) { static_cast<Mailbox*>(handle->data)->drain(); });
  BERTH_CHECK(status == 0);
}

Mailbox::~Mailbox() = default;

void Mailbox::post(Letter&& letter) {
  const size_t bytes = weight(letter);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  BERTH_CHECK(queue_->items.enqueue({std::move(letter), bytes}));
  uv_async_send(&wake_);
}

void Mailbox::drain() {
  Queue::Item item;
  for (int i = 0; i < kBurst; ++i) {
    if (!queue_->items.try_dequeue(item)) return;
    bytes_.fetch_sub(item.weight, std::memory_order_relaxed);
    reader_.on_letter(std::move(item.letter));
  }
  uv_async_send(&wake_);
}

void Mailbox::close() {
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
}

}  // namespace berth::net
