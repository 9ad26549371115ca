#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/audit.h"
#include "loadgen/histogram.h"
#include "loadgen/link.h"
#include "loadgen/trace.h"
#include "wire/messages.h"

namespace berth::loadgen {

/// Places the tasks of a trace on one connection, in order, `batch` at a time.
///
/// The nodes are registered first, as workers of their names, and kept alive while the loop turns.
///
/// Threads  the loop's
/// Memory   the trace's, and an answer for each task
/// Errors   a lost connection, and a node or task that the server refuses to handle, end the replay
class Replay final : private LinkUser, private TurnUser {
 public:
  struct Options {
    Link::Options link;
    wire::Policy policy = wire::Policy::LeastLoaded;
    uint32_t batch = 1;
    uint64_t run = 0;  ///< tells this run's tasks and lives from those of any other
  };

  Replay(LinkLoop& loop, const Trace& trace, const Options& options);
  ~Replay() override;

  Failure connect();
  Failure enroll(const std::atomic<bool>& stop);
  Failure place(const std::atomic<bool>& stop);
  /// Gives the tasks back and makes the nodes forgotten.
  Failure dismiss();

  const std::vector<Answer>& answers() const { return answers_; }  ///< in order; as far as placed
  const Histogram& latency() const { return latency_; }

 private:
  enum class Step : uint8_t { None, Enroll, Place, Release, Forget };

  core::Instant on_turn(core::Instant now) override;
  void on_reply(Link&, core::Instant now, wire::RequestId id, const wire::Reply&) override;
  void on_turn_end(Link&, core::Instant now) override;
  void on_lost(Link&, const std::string& why) override;

  /// Goes through `count` items, at most `window` under way.
  Failure walk(Step step, size_t count, uint32_t window, const std::atomic<bool>* stop);
  void send_more();
  void send(Step step, size_t item, wire::RequestId id);
  void send_task(size_t item, wire::RequestId id);
  void send_beat(size_t node, bool with_profile, wire::RequestId id);
  void send_release(size_t item, wire::RequestId id);
  void on_placed(size_t item, const wire::Reply& reply);
  void take_in_batch();
  std::string task_id(size_t item) const;

  LinkLoop& loop_;
  const Trace& trace_;
  Options options_;
  Link link_;
  Step step_ = Step::None;
  size_t next_ = 0;
  size_t count_ = 0;
  uint32_t window_ = 1;
  uint32_t in_flight_ = 0;
  bool halted_ = false;
  bool enrolled_ = false;
  core::Instant sent_at_;   // the tasks now under way
  core::Instant beat_due_;  // of `beat_node_`
  size_t beat_node_ = 0;
  uint64_t sequence_ = 0;
  std::vector<Answer> answers_;
  std::vector<Answer> batch_;  // what is under way, or was and is not yet taken in
  Histogram latency_;
  Failure failure_;
};

}  // namespace berth::loadgen
