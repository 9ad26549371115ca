#include "tests/sim/server.h"

#include <algorithm>
#include <utility>

#include "wire/tokens.h"

namespace berth::sim {

namespace {

core::Settings settings(uint16_t shards) {
  core::Settings settings;
  settings.shards = shards;
  settings.workers_max = 4'096u * shards;
  settings.names_max = 1'024;
  settings.reservations_max = 10'000;
  settings.waiting_max = 50;
  return settings;
}

}  // namespace

Server::Server(
    World& world,
    Network& network,
    Observer& observer,
    std::string name,
    uint16_t shards,
    const JobLane& job_lane)
    : world_(world),
      network_(network),
      observer_(observer),
      process_(world, std::move(name)),
      shards_(shards),
      job_lane_(job_lane) {
  network_.listen(
      process_, [this](std::shared_ptr<Socket> socket) { on_accept(std::move(socket)); });
}

void Server::start() {
  process_.start();
  world_.say(name(), "started");
  core::ServerIdentity identity;
  identity.software = "berthd";
  identity.epoch = ++epoch_;
  identity.max_frame_bytes = wire::kMaxFrameBytesDefault;
  life_ = std::make_unique<Life>();
  life_->tables = std::make_unique<core::Tables>(settings(shards_));
  life_->ledger = std::make_unique<core::Ledger>(*life_->tables);
  start_jobs();
  observer_.on_started(*this);
  for (Lane i = 0; i < shards_; ++i) {
    life_->shards.push_back(
        std::make_unique<core::Shard>(wire::ShardId{i}, *life_->tables, identity));
    process_.timer(tick_interval(), [this, i] { tick_shard(i); });
  }
  process_.timer(tick_interval(), [this] { tick_ledger(); });
}

void Server::stop(bool silently) {
  world_.say(name(), silently ? "lost power" : "killed");
  process_.end();
  network_.drop(process_, silently);
  life_->store->crash();
  for (size_t i = 0; i < static_cast<size_t>(core::Counter::kCount); ++i) {
    auto counter = static_cast<core::Counter>(i);
    earlier_[counter] += life_->tables->counters.total(counter);
  }
  life_ = nullptr;
}

uint64_t Server::counted(core::Counter counter) const {
  auto before = earlier_.find(counter);
  uint64_t now = life_ == nullptr ? 0 : life_->tables->counters.total(counter);
  return now + (before == earlier_.end() ? 0 : before->second);
}

Duration Server::tick_interval() {
  return world_.between(Duration::milliseconds(50), Duration::milliseconds(100));
}

void Server::on_accept(std::shared_ptr<Socket> socket) {
  auto shard = static_cast<uint16_t>(world_.rng.below(shards_));
  auto id = wire::ConnectionId::make(wire::ShardId{shard}, next_slot_, 1);
  next_slot_ = next_slot_ % 0xFFFFFF + 1;
  socket->on_bytes = [this, id](std::span<const std::byte> bytes) {
    on_bytes(id, bytes);
  };
  socket->on_closed = [this, id](const char*) {
    on_closed(id);
  };
  life_->connections[id].socket = std::move(socket);
}

void Server::on_bytes(wire::ConnectionId id, std::span<const std::byte> bytes) {
  auto found = life_->connections.find(id);
  if (found == life_->connections.end()) return;
  // Nothing ends a connection inside a frame: ends are posted.
  bool whole =
      found->second.reader.feed(bytes, [&](const wire::Frame& frame) { on_frame(id, frame); });
  if (!whole) world_.fail(name() + " was sent a broken stream");
}

void Server::on_frame(wire::ConnectionId id, const wire::Frame& frame) {
  Connection& connection = life_->connections.at(id);
  if (decoder_.decode(frame.payload, request_) != wire::DecodeStatus::Ok) {
    return world_.fail(name() + " was sent a frame that it cannot decode");
  }
  if (!connection.greeted && !std::holds_alternative<wire::Hello>(request_)) {
    return world_.fail(name() + " was not greeted first");
  }
  connection.greeted = true;
  Lane self = id.shard().value;
  Lane home = life_->shards[self]->home_of(request_).value;
  std::vector<std::byte> payload(frame.payload.begin(), frame.payload.end());
  if (home == self) {
    step(self, id, frame.request, std::move(payload));
  } else {
    post(self, home, [this, home, id, request = frame.request, payload = std::move(payload)] {
      step(home, id, request, payload);
    });
  }
}

void Server::step(
    Lane shard, wire::ConnectionId from, wire::RequestId id, std::vector<std::byte> payload) {
  if (decoder_.decode(payload, request_) != wire::DecodeStatus::Ok) return;
  life_->shards[shard]->step(clocks(), from, id, request_, payload, effects_);
  observer_.on_step(*this, from, id, request_, effects_);
  if (effects_.to_ledger) {
    post(shard, ledger_lane(), [this, from, id, payload = std::move(payload)] {
      on_job_request(from, id, payload);
    });
  }
  carry_out(shard);
}

void Server::on_closed(wire::ConnectionId id) {
  if (life_->connections.erase(id) == 0) return;
  life_->shards[id.shard().value]->on_closed(id, effects_);
  carry_out(id.shard().value);
}

void Server::on_ledger(core::LedgerEvent&& event) {
  if (const auto* changed = std::get_if<core::WorkerChanged>(&event)) {
    life_->jobs->on_worker_changed(clocks(), *changed, effects_);
    let_go();
    return end_turn_soon();
  }
  if (const auto* cancel = std::get_if<core::CancelWaits>(&event)) {
    life_->jobs->on_closed(clocks(), cancel->from, effects_);
    let_go();
  }
  if (std::holds_alternative<core::CapacityFreed>(event)) life_->jobs->on_capacity_freed();
  end_turn_soon();
  life_->ledger->step(clocks(), std::move(event), effects_);
  observer_.on_ledger(*this, effects_);
  carry_out(ledger_lane());
  plan();
}

void Server::plan() {
  std::shared_ptr<const core::Snapshot> snapshot = life_->ledger->take_snapshot(clocks());
  if (snapshot == nullptr) return;
  // The planner's thread: what it plans on has changed by the time the plan is enacted.
  Duration thinking = world_.between(Duration{50'000}, Duration::milliseconds(20));
  process_.input(thinking, [this, snapshot] {
    core::Plan plan = core::make_plan(*snapshot, core::Budget{}, world_.rng);
    life_->ledger->on_plan(clocks(), plan, effects_);
    observer_.on_ledger(*this, effects_);
    carry_out(ledger_lane());
    this->plan();
  });
}

void Server::tick_shard(Lane shard) {
  life_->shards[shard]->on_tick(clocks(), effects_);
  carry_out(shard);
  observer_.on_tick(*this, {shard});
  process_.timer(tick_interval(), [this, shard] { tick_shard(shard); });
}

void Server::tick_ledger() {
  life_->ledger->on_tick(clocks(), effects_);
  observer_.on_ledger(*this, effects_);
  carry_out(ledger_lane());
  plan();
  life_->jobs->on_tick(clocks(), effects_);
  let_go();
  end_turn_soon();
  process_.timer(tick_interval(), [this] { tick_ledger(); });
}

void Server::carry_out(Lane lane) {
  for (const core::Outgoing& message : effects_.messages) {
    std::vector<std::byte> frame;
    encoder_.encode(message.request, message.message, frame);
    Lane owner = message.to.shard().value;
    if (owner == lane) {
      deliver(message.to, std::move(frame));
    } else {
      post(lane, owner, [this, to = message.to, frame = std::move(frame)] { deliver(to, frame); });
    }
  }
  for (core::LedgerEvent& event : effects_.ledger) {
    if (const auto* changed = std::get_if<core::WorkerChanged>(&event)) {
      world_.say(
          name(), changed->worker + " " + std::string(wire::worker_change_token(changed->change)));
    }
    auto letter = std::make_shared<core::LedgerEvent>(std::move(event));
    post(lane, ledger_lane(), [this, letter] { on_ledger(std::move(*letter)); });
  }
  for (const core::Cooldown& cooldown : effects_.cooldowns) {
    Lane owner = home_of(cooldown.worker).value;
    post(lane, owner, [this, owner, cooldown] {
      life_->shards[owner]->on_cooldown(clocks(), cooldown, effects_);
      carry_out(owner);
    });
  }
  for (wire::ConnectionId id : effects_.closes) {
    post(lane, id.shard().value, [this, id] { end(id); });
  }
  effects_.clear();
}

void Server::deliver(wire::ConnectionId to, std::vector<std::byte> frame) {
  auto found = life_->connections.find(to);
  if (found != life_->connections.end()) found->second.socket->send(std::move(frame));
}

void Server::end(wire::ConnectionId id) {
  auto found = life_->connections.find(id);
  if (found == life_->connections.end()) return;
  found->second.socket->close();
  on_closed(id);
}

void Server::post(Lane from, Lane to, std::function<void()> letter) {
  Instant& last = life_->mailboxes[{from, to}];
  last = std::max(last, world_.now() + world_.between(Duration{1'000}, Duration{300'000}));
  process_.input(last - world_.now(), std::move(letter));
}

std::optional<RowView> Server::show(std::string_view worker) {
  core::Effects effects;
  wire::Request request = wire::ShowWorker{worker};
  life_->shards[home_of(worker).value]->step(clocks(), {}, {}, request, {}, effects);
  const auto* page = std::get_if<wire::WorkerPage>(&effects.messages.at(0).message);
  if (page == nullptr || page->rows.empty()) return std::nullopt;
  const wire::WorkerRow& row = page->rows[0];
  RowView view{row.status, row.cordoned, row.draining, row.capacity, row.free, {}, row.held_slots};
  for (const wire::GpuDevice& gpu : row.gpus)
    view.gpus_free.push_back(gpu.free_milli);
  // Numbers only: the text lives in `effects`.
  view.capacity.gpu_models = view.free.gpu_models = {};
  view.capacity.custom = view.free.custom = {};
  return view;
}

}  // namespace berth::sim
