#include "tests/sim/job_client.h"

#include <array>
#include <utility>

#include "wire/tokens.h"

namespace berth::sim {

namespace {

Duration ms(int64_t amount) {
  return Duration::milliseconds(amount);
}

template <typename T>
bool is(const wire::Reply& reply) {
  return std::holds_alternative<T>(reply);
}

}  // namespace

JobClient::JobClient(
    World& world,
    Network& network,
    std::string name,
    std::string server,
    std::vector<std::string> workers,
    OnEvent on_event)
    : world_(world),
      network_(network),
      process_(world, std::move(name)),
      server_(std::move(server)),
      workers_(std::move(workers)),
      on_event_(std::move(on_event)) {}

void JobClient::start() {
  process_.start();
  connect();
  ask();
}

void JobClient::connect() {
  reader_ = FrameReader();
  asked_.clear();
  greeted_ = false;
  next_id_ = 1;
  socket_ = network_.connect(process_, server_);
  socket_->on_connected = [this] {
    send(Kind::Hello, wire::Hello{});
  };
  socket_->on_bytes = [this](std::span<const std::byte> bytes) {
    on_bytes(bytes);
  };
  socket_->on_closed = [this](const char*) {
    socket_ = nullptr;
    greeted_ = false;
    process_.timer(ms(200), [this] { connect(); });
  };
}

void JobClient::on_bytes(std::span<const std::byte> bytes) {
  bool whole = reader_.feed(bytes, [&](const wire::Frame& frame) {
    wire::Reply reply;
    if (decoder_.decode(frame.payload, reply) != wire::DecodeStatus::Ok) {
      return world_.fail(process_.name() + " was sent a frame that it cannot decode");
    }
    frame.request.value == 0 ? on_pushed(reply) : on_reply(frame.request, reply);
  });
  if (!whole) world_.fail(process_.name() + " was sent a broken stream");
}

void JobClient::on_pushed(const wire::Reply& reply) {
  const auto* events = std::get_if<wire::JobEvents>(&reply);
  if (events == nullptr) return world_.fail(process_.name() + " was sent what it did not ask for");
  for (const wire::JobEvent& event : events->events) {
    on_event_(seen_, event);
    seen_ = event.sequence;
  }
}

void JobClient::on_reply(wire::RequestId id, const wire::Reply& reply) {
  auto found = asked_.find(id.value);
  if (found == asked_.end()) {
    return world_.fail(
        process_.name() + " got an answer to request " + std::to_string(id.value) +
        ", which it has not asked or which was answered before");
  }
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  const auto* refused = std::get_if<wire::Refused>(&reply);
  const wire::Refusal code = refused == nullptr ? wire::Refusal::None : refused->code;
  bool fits = false;
  switch (asked.kind) {
    case Kind::Hello: fits = is<wire::Welcome>(reply); break;
    case Kind::Ping: fits = is<wire::Pong>(reply); break;
    case Kind::Submit:
      // What it depends on may have been dropped since.
      fits = is<wire::JobsSubmitted>(reply) || code == wire::Refusal::NotFound;
      break;
    case Kind::Wait: fits = is<wire::JobCounts>(reply); break;
    case Kind::Watch: fits = is<wire::Done>(reply); break;
    case Kind::Change: fits = is<wire::JobsChanged>(reply); break;
    case Kind::List: fits = is<wire::JobPage>(reply); break;
    case Kind::Show: fits = is<wire::JobDetails>(reply) || code == wire::Refusal::NotFound; break;
    case Kind::Explain:
      fits = is<wire::JobExplanation>(reply) || code == wire::Refusal::NotFound;
      break;
    case Kind::Log: fits = is<wire::LogChunk>(reply) || refused != nullptr; break;
    case Kind::SetWorker: fits = is<wire::Done>(reply) || code == wire::Refusal::NotFound; break;
  }
  if (!fits) {
    return world_.fail(
        process_.name() + " got the wrong kind of answer (" + std::to_string(reply.index()) +
        ") to a request of kind " + std::to_string(static_cast<int>(asked.kind)) + ": " +
        std::string(refused == nullptr ? "" : refused->message));
  }
  if (asked.kind == Kind::Hello) on_welcome();
  if (asked.kind != Kind::Submit) return;
  if (const auto* submitted = std::get_if<wire::JobsSubmitted>(&reply)) {
    return on_submitted(asked.request, *submitted);
  }
  unsure_.erase(asked.request);
  submits_.erase(asked.request);
}

void JobClient::on_welcome() {
  greeted_ = true;
  wire::WatchJobs watch;
  watch.after = seen_;
  send(Kind::Watch, watch);
  for (const auto& [request, unused] : unsure_)
    send_submit(request);
}

void JobClient::on_submitted(const std::string& request, const wire::JobsSubmitted& submitted) {
  std::vector<wire::JobRange> ranges;
  for (const wire::SubmittedJob& job : submitted.jobs)
    ranges.push_back({job.first, {job.first.value + job.count - 1}});
  unsure_.erase(request);
  Submit& submit = submits_[request];
  if (submit.answer.empty()) {
    submit.answer = ranges;
    jobs_.insert(jobs_.end(), ranges.begin(), ranges.end());
  } else if (submit.answer != ranges) {
    world_.fail(process_.name() + " got other jobs when it repeated submit " + request);
  } else if (!submitted.repeated) {
    world_.fail(process_.name() + " is not told that submit " + request + " was a repetition");
  }
}

void JobClient::rest() {
  resting_ = true;
  // On a connection whose other end is long gone this brings the news.
  if (socket_ != nullptr && next_id_ > 1) send(Kind::Ping, wire::Ping{0});
}

void JobClient::ask() {
  process_.timer(world_.between(ms(50), ms(700)), [this] { ask(); });
  if (socket_ == nullptr || !greeted_) return;
  if (resting_) {
    // A request that overtook nothing may still have fallen into a partition's end.
    for (const std::string& worker : workers_)
      send(Kind::SetWorker, wire::SetWorker{worker, wire::WorkerAction::Undrain, "rest"});
    return;
  }
  switch (world_.rng.below(20)) {
    case 0: return ask_wait();
    case 1: return send(Kind::List, wire::ListJobs{});
    case 2: return send(Kind::Show, wire::ShowJob{any_job()});
    case 3: return send(Kind::Explain, wire::ExplainJob{any_job()});
    case 4:
    case 5: return ask_change();
    case 6: return ask_log();
    case 7:
    case 8: return ask_again();
    case 9: return set_worker();
    default: return ask_submit();
  }
}

wire::JobId JobClient::any_job() {
  if (jobs_.empty()) return {1};
  const wire::JobRange& range = jobs_[world_.rng.below(jobs_.size())];
  return {range.first.value + world_.rng.below(range.last.value - range.first.value + 1)};
}

void JobClient::ask_submit() {
  if (unsure_.size() > 8) return;
  const std::string request = process_.name() + "-r" + std::to_string(next_request_++);
  Submit& submit = submits_[request];
  const size_t specs = world_.one_in(3) ? 1 + world_.rng.below(4) : 1;
  for (size_t i = 0; i < specs; ++i)
    submit.specs.push_back(random_spec(i));
  unsure_[request] = true;
  send_submit(request);
}

/// A submit that was answered long ago, as a library does that is not sure.
void JobClient::ask_again() {
  if (submits_.empty()) return;
  auto one = submits_.lower_bound(
      process_.name() + "-r" + std::to_string(1 + world_.rng.below(next_request_)));
  if (one != submits_.end() && !one->second.answer.empty()) send_submit(one->first);
}

void JobClient::send_submit(const std::string& request) {
  const Submit& submit = submits_.at(request);
  std::vector<std::span<const std::byte>> specs(submit.specs.begin(), submit.specs.end());
  wire::SubmitJobs message;
  message.request = request;
  message.specs = specs;
  send(Kind::Submit, message, request);
}

std::vector<std::byte> JobClient::random_spec(size_t position) {
  core::Rng& rng = world_.rng;
  wire::JobSpec spec;
  static constexpr std::array<wire::Text, 1> kCommand = {"true"};
  spec.name = "work";
  spec.command = kCommand;
  spec.runner = wire::Runner::Process;
  spec.policy = static_cast<wire::Policy>(rng.below(wire::kPolicyCount));
  spec.demand.slots = 1 + static_cast<int64_t>(rng.below(2));
  spec.demand.cpu_milli = static_cast<int64_t>(rng.below(3)) * 500;
  spec.demand.memory_mib = static_cast<int64_t>(rng.below(3)) * 256;
  if (world_.one_in(6)) {
    spec.demand.gpu_count = 1;
    spec.demand.gpu_milli = world_.one_in(2) ? 1000 : 250;
  }
  static constexpr std::array<wire::Text, 3> kTags = {"linux", "even", "absent"};
  if (world_.one_in(4)) spec.requirements.all_tags = std::span(kTags).first(1 + rng.below(2));
  if (world_.one_in(50)) spec.requirements.all_tags = kTags;  // nobody has that
  spec.priority = static_cast<int32_t>(rng.below(3));
  spec.attempts_max = 1 + static_cast<uint32_t>(rng.below(4));
  spec.retry_base_ms = 100;
  spec.retry_cap_ms = 2'000;
  spec.kill_grace_ms = 100 + static_cast<uint32_t>(rng.below(1'500));
  spec.checkpointable = world_.one_in(6);
  schedule(spec);
  std::vector<uint64_t> on;
  std::vector<uint32_t> on_items;
  if (!jobs_.empty() && world_.one_in(5)) {
    // A whole array by its first, or any job.
    on.push_back(world_.one_in(2) ? jobs_.back().first.value : any_job().value);
    spec.depends_on = on;
  }
  if (position > 0 && world_.one_in(2)) {
    on_items.push_back(static_cast<uint32_t>(rng.below(position)));
    spec.depends_on_items = on_items;
  }
  if (world_.one_in(6)) {
    spec.is_array = true;
    spec.array_first = static_cast<uint32_t>(rng.below(3));
    spec.array_last = spec.array_first + static_cast<uint32_t>(rng.below(8));
  }
  std::span<const std::byte> bytes = specs_.encode(spec);
  return {bytes.begin(), bytes.end()};
}

void JobClient::schedule(wire::JobSpec& spec) {
  core::Rng& rng = world_.rng;
  const int64_t wall_ms = world_.both_clocks().wall_ms;
  spec.estimated_ms = 1 + static_cast<uint32_t>(rng.below(world_.one_in(2) ? 100 : 2'500));
  // Longer than a lease.
  if (world_.one_in(8)) spec.estimated_ms = 7'000 + static_cast<uint32_t>(rng.below(6'000));
  if (world_.one_in(8)) spec.timeout_ms = 100 + static_cast<uint32_t>(rng.below(1'500));
  if (world_.one_in(6)) spec.deadline_at_ms = wall_ms + static_cast<int64_t>(rng.below(20'000));
  if (world_.one_in(8)) {
    spec.scheduled_at_ms = wall_ms + 500 + static_cast<int64_t>(rng.below(9'000));
  }
}

void JobClient::ask_change() {
  if (jobs_.empty()) return;
  wire::ChangeJobs change;
  change.action = world_.one_in(3) ? wire::JobAction::Retry : wire::JobAction::Abort;
  const wire::JobId from = any_job();
  const wire::JobRange range = {from, {from.value + world_.rng.below(3)}};
  change.jobs = {&range, 1};
  if (!workers_.empty() && world_.one_in(10) && change.action == wire::JobAction::Abort) {
    change.worker = workers_[world_.rng.below(workers_.size())];
    if (world_.one_in(2)) change.jobs = {};
  }
  change.reason = "changed its mind";
  send(Kind::Change, change);
}

void JobClient::abort(uint64_t job) {
  wire::ChangeJobs change;
  const wire::JobRange range = {{job}, {job}};
  change.jobs = {&range, 1};
  send(Kind::Change, change);
}

void JobClient::ask_wait() {
  if (jobs_.empty()) return;
  wire::WaitJobs wait;
  std::vector<wire::JobRange> ranges = {jobs_.back(), jobs_[world_.rng.below(jobs_.size())]};
  wait.jobs = ranges;
  wait.wait_ms = static_cast<uint32_t>(world_.rng.below(6'000));
  send(Kind::Wait, wait);
}

void JobClient::ask_log() {
  wire::ReadLog read;
  read.job = any_job();
  read.attempt = static_cast<uint32_t>(world_.rng.below(2));
  read.wait_ms = static_cast<uint32_t>(world_.rng.below(1'000));
  send(Kind::Log, read);
}

void JobClient::set_worker() {
  if (workers_.empty()) return;
  wire::SetWorker set;
  set.worker = workers_[world_.rng.below(workers_.size())];
  set.reason = "simulation";
  set.action = world_.one_in(2) ? wire::WorkerAction::Undrain
                                : static_cast<wire::WorkerAction>(world_.rng.below(4));
  send(Kind::SetWorker, set);
}

void JobClient::send(Kind kind, const wire::Request& request, std::string about) {
  if (socket_ == nullptr) return;
  asked_[next_id_] = {kind, std::move(about)};
  std::vector<std::byte> frame;
  encoder_.encode({next_id_++}, request, frame);
  socket_->send(std::move(frame));
}

}  // namespace berth::sim
