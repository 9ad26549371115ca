#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include <uv.h>

#include "net/letter.h"

namespace berth::net {

/// The queue into one thread's loop from all others.
///
/// A sender asks `full()` before it takes on work for the receiver, and answers "busy" then. What
/// it has taken on is always accepted, so nothing that was admitted is dropped; how far that can go
/// over the limit is bounded by what the senders read in one turn each.
///
/// Threads  `post` and `full`: any. The rest: the owner of the loop
/// Memory   `bytes_max` of letters, and one turn of every sender
class Mailbox {
 public:
  static constexpr size_t kBytesMax = 8u << 20;

  /// Told in the loop's thread.
  class Reader {
   public:
    virtual ~Reader() = default;
    virtual void on_letter(Letter&& letter) = 0;
  };

  Mailbox(uv_loop_t* loop, Reader& reader, size_t bytes_max = kBytesMax);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(Letter&& letter);
  /// Of what waits in it.
  const std::atomic<size_t>& bytes() const { return bytes_; }
  bool full() const { return bytes_.load(std::memory_order_relaxed) >= bytes_max_; }

  /// Closes the wake-up handle; run the loop once more after it. No `post` may follow.
  void close();

 private:
  struct Queue;
  void drain();

  Reader& reader_;
  const size_t bytes_max_;
  std::unique_ptr<Queue> queue_;
  std::atomic<size_t> bytes_{0};
  uv_async_t wake_;
};

/// The mailboxes of all threads of a server; filled before the first thread starts.
struct Post {
  std::vector<Mailbox*> shards;  ///< by ShardId; the gateway is the last
  Mailbox* ledger = nullptr;
  Mailbox* planner = nullptr;
  Mailbox* store = nullptr;  ///< null: `--store memory`
};

}  // namespace berth::net
