#include "tests/sim/client_node.h"

#include <array>
#include <utility>

namespace berth::sim {

namespace {

constexpr size_t kRemembered = 12;

template <typename T>
void remember(std::vector<T>& latest, T value) {
  latest.push_back(std::move(value));
  if (latest.size() > kRemembered) latest.erase(latest.begin());
}

}  // namespace

ClientNode::ClientNode(
    World& world,
    Network& network,
    std::string name,
    std::vector<std::string> servers,
    std::vector<std::string> workers,
    OnPlaced on_placed)
    : world_(world),
      network_(network),
      process_(world, std::move(name)),
      servers_(std::move(servers)),
      workers_(std::move(workers)),
      on_placed_(std::move(on_placed)) {}

void ClientNode::start() {
  process_.start();
  connect();
  ask();
}

void ClientNode::connect() {
  reader_ = FrameReader();
  asked_.clear();
  next_id_ = 1;
  socket_ = network_.connect(process_, any_of(servers_));
  socket_->on_connected = [this] {
    send(Kind::Hello, wire::Hello{});
  };
  socket_->on_bytes = [this](std::span<const std::byte> bytes) {
    on_bytes(bytes);
  };
  socket_->on_closed = [this](const char*) {
    socket_ = nullptr;
    asked_.clear();
    process_.timer(Duration::milliseconds(200), [this] { connect(); });
  };
}

void ClientNode::on_bytes(std::span<const std::byte> bytes) {
  bool whole = reader_.feed(bytes, [&](const wire::Frame& frame) {
    wire::Reply reply;
    if (decoder_.decode(frame.payload, reply) != wire::DecodeStatus::Ok) {
      return world_.fail(process_.name() + " was sent a frame that it cannot decode");
    }
    on_reply(frame.request, reply);
  });
  if (!whole) world_.fail(process_.name() + " was sent a broken stream");
}

void ClientNode::on_reply(wire::RequestId id, const wire::Reply& reply) {
  auto found = asked_.find(id.value);
  if (found == asked_.end()) {
    return world_.fail(
        process_.name() + " got an answer to request " + std::to_string(id.value) +
        ", which it has not asked or which was answered before");
  }
  Asked asked = std::move(found->second);
  asked_.erase(found);
  const auto* placed = std::get_if<wire::Placed>(&reply);
  const bool refused = std::holds_alternative<wire::Refused>(reply);
  bool fits = false;
  switch (asked.kind) {
    case Kind::Hello: fits = std::holds_alternative<wire::Welcome>(reply); break;
    case Kind::Place:
      fits = placed != nullptr || std::holds_alternative<wire::Unplaced>(reply);
      break;
    case Kind::Release: fits = std::holds_alternative<wire::Released>(reply); break;
    case Kind::SetWorker: fits = refused || std::holds_alternative<wire::Done>(reply); break;
    case Kind::List: fits = std::holds_alternative<wire::WorkerPage>(reply); break;
    case Kind::Ping: fits = std::holds_alternative<wire::Pong>(reply); break;
  }
  if (!fits) {
    std::string why = refused ? std::string(std::get<wire::Refused>(reply).message) : "";
    return world_.fail(
        process_.name() + " got the wrong kind of answer (" + std::to_string(reply.index()) +
        ") to request " + std::to_string(id.value) + " " + asked.task + ": " + why);
  }
  if (placed != nullptr) {
    remember(reservations_, placed->reservation.value);
    on_placed_(asked.task, std::string(placed->worker));
  }
}

void ClientNode::rest() {
  resting_ = true;
  // On a connection whose other end is long gone this brings the news.
  if (socket_ != nullptr && next_id_ > 1) send(Kind::Ping, wire::Ping{0});
}

void ClientNode::ask() {
  if (resting_) return;
  process_.timer(
      world_.between(Duration::milliseconds(20), Duration::milliseconds(300)), [this] { ask(); });
  if (socket_ == nullptr || next_id_ == 1 || asked_.contains(1)) return;  // not greeted yet
  switch (world_.rng.below(20)) {
    case 0: return send(Kind::Ping, wire::Ping{7});
    case 1: return send(Kind::List, wire::ListWorkers{});
    case 2: return ask_set_worker();
    case 3:
    case 4:
    case 5: return ask_release();
    default: return ask_place();
  }
}

void ClientNode::ask_place() {
  core::Rng& rng = world_.rng;
  // Now and then a task that was asked for before, here or at another server.
  bool again = !tasks_.empty() && world_.one_in(5);
  std::string task = again ? any_of(tasks_) : process_.name() + "-t" + std::to_string(next_task_++);
  if (!again) remember(tasks_, task);
  wire::Place place;
  place.task = task;
  place.policy = static_cast<wire::Policy>(rng.below(wire::kPolicyCount));
  place.demand.slots = 1 + static_cast<int64_t>(rng.below(3));
  place.demand.cpu_milli = static_cast<int64_t>(rng.below(5)) * 500;
  place.demand.memory_mib = static_cast<int64_t>(rng.below(4)) * 256;
  if (world_.one_in(4)) {
    place.demand.gpu_count = 1 + static_cast<int64_t>(rng.below(2));
    place.demand.gpu_milli = place.demand.gpu_count > 1 || world_.one_in(2) ? 1000 : 250;
  }
  static constexpr std::array<wire::Text, 3> kTags = {"linux", "even", "absent"};
  if (world_.one_in(2)) place.requirements.all_tags = std::span(kTags).first(1 + world_.one_in(2));
  if (world_.one_in(50)) place.requirements.all_tags = kTags;
  place.hold_ms = world_.one_in(3) ? 0 : 200 + static_cast<uint32_t>(rng.below(8'000));
  place.wait_ms = world_.one_in(3) ? 100 + static_cast<uint32_t>(rng.below(4'000)) : 0;
  place.priority = static_cast<int32_t>(rng.below(3));
  place.explain = world_.one_in(10);
  send(Kind::Place, place, task);
}

void ClientNode::ask_release() {
  wire::Release release;
  std::vector<uint64_t> reservations;
  std::vector<wire::Text> tasks;
  if (!reservations_.empty())
    reservations.push_back(reservations_[world_.rng.below(reservations_.size())]);
  if (world_.one_in(2) && !tasks_.empty()) tasks.push_back(any_of(tasks_));
  release.reservations = reservations;
  release.tasks = tasks;
  send(Kind::Release, release);
}

void ClientNode::ask_set_worker() {
  wire::SetWorker set;
  set.worker = any_of(workers_);
  set.reason = "simulation";
  // Mostly back into service, so that there is somewhere to place.
  set.action = world_.one_in(2) ? wire::WorkerAction::Undrain
                                : static_cast<wire::WorkerAction>(world_.rng.below(4));
  send(Kind::SetWorker, set);
}

void ClientNode::send(Kind kind, const wire::Request& request, std::string task) {
  if (socket_ == nullptr) return;
  asked_[next_id_] = {kind, std::move(task)};
  std::vector<std::byte> frame;
  encoder_.encode({next_id_++}, request, frame);
  socket_->send(std::move(frame));
}

}  // namespace berth::sim
