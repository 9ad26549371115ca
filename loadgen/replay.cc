#include "loadgen/replay.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "loadgen/reply_text.h"

namespace berth::loadgen {
namespace {

constexpr core::Instant kNever{std::numeric_limits<int64_t>::max()};
constexpr core::Duration kPatience = core::Duration::seconds(10);
constexpr uint32_t kUpkeepId = 1;  // of beats beside; the steps' own ids begin behind it
constexpr uint32_t kFirstId = 2;
constexpr uint32_t kWindow = 256;
constexpr size_t kReleaseBatch = 256;
constexpr int64_t kSlots = 65'535;     // slots are not what a trace is about
constexpr uint32_t kPatienceMs = 250;  // a plan takes some milliseconds
constexpr uint32_t kHoldMs = 24u * 3600 * 1000;

}  // namespace

Replay::Replay(LinkLoop& loop, const Trace& trace, const Options& options)
    : loop_(loop), trace_(trace), options_(options), link_(loop, *this, options.link) {
  answers_.reserve(trace.tasks.size());
  loop_.add(*this);
}

Replay::~Replay() {
  loop_.remove(*this);
  link_.close();
  auto closed = [this] {
    return link_.closed();
  };
  (void)loop_.run_until(closed, kNever);  // closing needs nobody's answer
}

Failure Replay::connect() {
  link_.connect();
  auto welcomed = [this] {
    return failure_ || link_.welcomed();
  };
  if (loop_.run_until(welcomed, LinkLoop::now() + kPatience)) return failure_;
  return {
      kExitUnreachable,
      "no greeting from the server at " + options_.link.server_text + " within 10 s"};
}

Failure Replay::enroll(const std::atomic<bool>& stop) {
  Failure failure = walk(Step::Enroll, trace_.nodes.size(), kWindow, &stop);
  enrolled_ = true;
  beat_due_ = LinkLoop::now();
  return failure;
}

Failure Replay::place(const std::atomic<bool>& stop) {
  return walk(Step::Place, trace_.tasks.size(), options_.batch, &stop);
}

Failure Replay::dismiss() {
  if (link_.closed()) return failure_;
  failure_ = {};
  size_t releases = (answers_.size() + kReleaseBatch - 1) / kReleaseBatch;
  if (Failure failure = walk(Step::Release, releases, kWindow, nullptr)) return failure;
  enrolled_ = false;
  return walk(Step::Forget, trace_.nodes.size(), kWindow, nullptr);
}

Failure Replay::walk(Step step, size_t count, uint32_t window, const std::atomic<bool>* stop) {
  step_ = step;
  next_ = 0;
  count_ = count;
  window_ = window;
  halted_ = false;
  batch_.clear();
  send_more();
  link_.flush();
  auto done = [&] {
    // A stop ends what is being sent; what is under way is still taken in.
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) halted_ = true;
    return failure_ || (in_flight_ == 0 && (halted_ || next_ == count_));
  };
  (void)loop_.run_until(done, kNever);  // a server that hangs is ended by SIGINT, twice
  if (in_flight_ == 0) take_in_batch();
  step_ = Step::None;
  return failure_;
}

// ---- Requests -------------------------------------------------------------------------------

void Replay::send_more() {
  // The tasks of a batch go together and the next batch waits for all of them.
  if (step_ == Step::Place && in_flight_ > 0) return;
  take_in_batch();
  if (halted_) return;
  sent_at_ = LinkLoop::now();
  for (; next_ < count_ && in_flight_ < window_; ++next_, ++in_flight_) {
    send(step_, next_, wire::RequestId{kFirstId + static_cast<uint32_t>(next_)});
  }
}

void Replay::send(Step step, size_t item, wire::RequestId id) {
  switch (step) {
    case Step::None: break;
    case Step::Enroll: send_beat(item, true, id); break;
    case Step::Place: send_task(item, id); break;
    case Step::Release: send_release(item, id); break;
    case Step::Forget: {
      wire::SetWorker forget;
      forget.worker = trace_.nodes[item].name;
      forget.action = wire::WorkerAction::Forget;
      forget.reason = "end of a replay";
      loop_.encoder.encode(id, forget, link_.out());
      break;
    }
  }
}

void Replay::send_task(size_t item, wire::RequestId id) {
  const TraceTask& task = trace_.tasks[item];
  std::string name = task_id(item);
  std::vector<std::string_view> models(task.models.begin(), task.models.end());
  wire::Place place;
  place.task = name;
  place.policy = options_.policy;
  place.hold_ms = kHoldMs;
  // With patience the policy looks ahead in the batch; what fits nowhere is answered when it ends.
  if (options_.batch > 1 && options_.policy == wire::Policy::Fgd) place.wait_ms = kPatienceMs;
  place.demand.cpu_milli = task.cpu_milli;
  place.demand.memory_mib = task.memory_mib;
  place.demand.gpu_count = task.num_gpu;
  place.demand.gpu_milli = task.num_gpu > 0 ? task.gpu_milli : 0;
  // A model is asked of devices; a task without any may run wherever it fits.
  if (task.num_gpu > 0) place.demand.gpu_models = models;
  loop_.encoder.encode(id, place, link_.out());
}

void Replay::send_beat(size_t node_index, bool with_profile, wire::RequestId id) {
  const TraceNode& node = trace_.nodes[node_index];
  std::vector<std::string_view> models(static_cast<size_t>(node.gpus), node.model);
  wire::Heartbeat beat;
  beat.worker = node.name;
  beat.epoch = options_.run;
  beat.sequence = ++sequence_;
  if (with_profile) {
    beat.has_profile = true;
    beat.address = "127.0.0.1:7650";
    beat.capacity.slots = kSlots;
    beat.capacity.cpu_milli = node.cpu_milli;
    beat.capacity.memory_mib = node.memory_mib;
    beat.capacity.gpu_models = models;
    beat.agent_version = "berth-loadgen";
  }
  loop_.encoder.encode(id, beat, link_.out());
}

void Replay::send_release(size_t item, wire::RequestId id) {
  std::vector<std::string> names;
  size_t end = std::min(answers_.size(), (item + 1) * kReleaseBatch);
  for (size_t i = item * kReleaseBatch; i < end; ++i) {
    if (answers_[i].placed) names.push_back(task_id(i));
  }
  std::vector<std::string_view> tasks(names.begin(), names.end());
  wire::Release release;
  release.tasks = tasks;
  loop_.encoder.encode(id, release, link_.out());
}

std::string Replay::task_id(size_t item) const {
  return "pod-" + std::to_string(options_.run) + "-" + std::to_string(trace_.tasks[item].pod);
}

// ---- Replies --------------------------------------------------------------------------------

core::Instant Replay::on_turn(core::Instant now) {
  if (!enrolled_ || link_.closed() || trace_.nodes.empty()) return kNever;
  // Every node once in a third of the server's patience, one after the other.
  int64_t patience_ns = int64_t{link_.welcome().suspicious_after_ms} * 1'000'000;
  core::Duration pace{
      std::max<int64_t>(patience_ns / 3 / static_cast<int64_t>(trace_.nodes.size()), 1)};
  for (; beat_due_ <= now; beat_due_ = beat_due_ + pace) {
    send_beat(beat_node_, false, wire::RequestId{kUpkeepId});
    beat_node_ = (beat_node_ + 1) % trace_.nodes.size();
  }
  link_.flush();
  return beat_due_;
}

void Replay::on_reply(Link&, core::Instant now, wire::RequestId id, const wire::Reply& reply) {
  const auto* beat = std::get_if<wire::HeartbeatReply>(&reply);
  bool refused_beat = beat != nullptr && (!beat->accepted || beat->resend_profile);
  if (refused_beat && step_ != Step::Forget && !failure_) {
    failure_ = {kExitFailed, "the heartbeat of a node got " + describe(reply)};
  }
  if (id.value == kUpkeepId || failure_) return;
  --in_flight_;
  if (step_ == Step::Place) {
    latency_.record(now - sent_at_);
    on_placed(id.value - kFirstId, reply);
  } else if (std::holds_alternative<wire::Refused>(reply) && step_ != Step::Forget) {
    failure_ = {kExitFailed, "the server answered " + describe(reply)};
  }
}

/// Those of a batch are answered in any order.
void Replay::on_placed(size_t item, const wire::Reply& reply) {
  const size_t at = item - answers_.size();
  if (at >= batch_.size()) batch_.resize(at + 1);
  Answer& answer = batch_[at];
  if (const auto* placed = std::get_if<wire::Placed>(&reply)) {
    answer.placed = true;
    answer.node = placed->worker;
    answer.gpus.assign(placed->gpus.begin(), placed->gpus.end());
  } else if (!std::holds_alternative<wire::Unplaced>(reply)) {
    failure_ = {
        kExitFailed, "pod " + std::to_string(trace_.tasks[item].pod) + " was " + describe(reply)};
  }
}

void Replay::take_in_batch() {
  std::move(batch_.begin(), batch_.end(), std::back_inserter(answers_));
  batch_.clear();
}

void Replay::on_turn_end(Link&, core::Instant) {
  if (!failure_ && step_ != Step::None) send_more();
}

void Replay::on_lost(Link& link, const std::string& why) {
  if (!failure_) failure_ = {link.welcomed() ? kExitFailed : kExitUnreachable, why};
}

}  // namespace berth::loadgen
