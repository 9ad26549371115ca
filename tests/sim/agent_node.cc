#include "tests/sim/agent_node.h"

#include <utility>

namespace berth::sim {

AgentNode::AgentNode(
    World& world,
    Network& network,
    std::string name,
    std::string worker,
    LastEpoch last_epoch,
    agent::Profile profile,
    std::vector<std::string> servers)
    : world_(world),
      network_(network),
      process_(world, std::move(name)),
      profile_(std::move(profile)),
      servers_(std::move(servers)),
      last_epoch_(std::move(last_epoch)) {
  life_.worker = std::move(worker);
  vitals_.has_running = true;
}

void AgentNode::start() {
  process_.start();
  world_.say(name(), "started");
  life_.epoch = ++*last_epoch_;
  life_.sequence = 0;
  tasks_.clear();
  guest_ = nullptr;
  links_.clear();
  for (const std::string& server : servers_) {
    agent::SessionSettings settings;
    settings.server = server;
    settings.software = "berth-agent";
    auto link = std::make_unique<Link>();
    link->server = server;
    link->session =
        std::make_unique<agent::Session>(settings, life_, profile_, vitals_, world_.rng.next());
    links_.push_back(std::move(link));
  }
  start_guest();
  for (auto& link : links_) {
    link->session->start(world_.now(), link->effects);
    carry_out(*link);
  }
}

void AgentNode::stop(bool silently) {
  world_.say(name(), silently ? "lost power" : "killed");
  process_.end();
  network_.drop(process_, silently);
  on_gone(silently);
}

void AgentNode::start_guest() {
  if (!make_guest_) return;
  guest_ =
      make_guest_(*this, life_.epoch, [this](wire::RequestId id, const wire::Request& message) {
        send_job(id, message);
      });
  guest_->start();
}

void AgentNode::send_job(wire::RequestId id, const wire::Request& message) {
  if (links_.front()->socket == nullptr) return;
  std::vector<std::byte> frame;
  encoder_.encode(id, message, frame);
  links_.front()->socket->send(std::move(frame));
}

void AgentNode::on_gone(bool power_lost) {
  if (machine_ == nullptr) return;
  if (power_lost) {
    machine_->lose_power();
  } else {
    machine_->on_agent_gone();
  }
}

bool AgentNode::is_for_guest(Link& link, const wire::Frame& frame, const wire::Reply& reply) {
  return guest_ != nullptr && &link == links_.front().get() &&
         guest_->on_reply(frame.request, reply);
}

void AgentNode::leave() {
  if (!process_.alive() || process_.frozen()) return;
  for (auto& link : links_) {
    link->session->stop(world_.now(), link->effects);
    carry_out(*link);
  }
}

void AgentNode::change_profile(agent::Profile profile) {
  if (!process_.alive() || process_.frozen()) return;
  profile_ = std::move(profile);
  for (auto& link : links_) {
    link->session->on_profile_changed(world_.now(), link->effects);
    carry_out(*link);
  }
}

void AgentNode::run_task(const std::string& task, Duration length) {
  if (process_.alive()) tasks_[task] = world_.now() + length;
}

void AgentNode::refresh_vitals() {
  std::erase_if(tasks_, [&](const auto& task) { return task.second <= world_.now(); });
  vitals_.running_tasks.clear();
  for (const auto& [task, done] : tasks_)
    vitals_.running_tasks.push_back(task);
  vitals_.current_tasks = static_cast<int64_t>(tasks_.size());
}

void AgentNode::connect(Link& link) {
  link.reader = FrameReader();
  link.socket = network_.connect(process_, link.server);
  link.socket->on_connected = [this, &link] {
    link.session->on_connected(world_.now(), link.effects);
    carry_out(link);
  };
  link.socket->on_bytes = [this, &link](std::span<const std::byte> bytes) {
    on_bytes(link, bytes);
  };
  link.socket->on_closed = [this, &link](const char* why) {
    link.socket = nullptr;
    link.session->on_disconnected(world_.now(), why, link.effects);
    carry_out(link);
  };
}

void AgentNode::on_bytes(Link& link, std::span<const std::byte> bytes) {
  std::shared_ptr<Socket> from = link.socket;
  bool whole = link.reader.feed(bytes, [&](const wire::Frame& frame) {
    if (link.socket != from) return;  // let go of by the frame before
    wire::Reply reply;
    if (decoder_.decode(frame.payload, reply) != wire::DecodeStatus::Ok) {
      return world_.fail(name() + " was sent a frame that it cannot decode");
    }
    if (is_for_guest(link, frame, reply)) return;
    refresh_vitals();
    link.session->on_reply(world_.now(), frame.request, reply, link.effects);
    carry_out(link);
  });
  if (!whole) world_.fail(name() + " was sent a broken stream");
}

void AgentNode::carry_out(Link& link) {
  std::vector<std::byte> out;
  bool exits = false;
  for (size_t i = 0; i < link.effects.size(); ++i) {
    const agent::Effect& effect = link.effects[i];
    if (std::holds_alternative<agent::Connect>(effect)) connect(link);
    if (std::holds_alternative<agent::Disconnect>(effect) && link.socket != nullptr) {
      link.socket->send(std::exchange(out, {}));
      std::exchange(link.socket, nullptr)->close();
    }
    if (const auto* send = std::get_if<agent::Send>(&effect)) {
      encoder_.encode(send->id, send->message, out);
    }
    if (const auto* log = std::get_if<agent::Log>(&effect)) world_.say(name(), log->text);
    exits |= std::holds_alternative<agent::Exit>(effect);
    if (guest_ == nullptr || &link != links_.front().get()) continue;
    const bool up = std::holds_alternative<agent::Up>(effect);
    if (!up && !std::holds_alternative<agent::Down>(effect)) continue;
    if (link.socket != nullptr) link.socket->send(std::exchange(out, {}));
    up ? guest_->on_up() : guest_->on_down();
  }
  link.effects.clear();
  if (link.socket != nullptr) link.socket->send(std::move(out));
  arm(link);
  if (exits) leave();
  end_when_stopped();
}

void AgentNode::end_when_stopped() {
  for (auto& link : links_) {
    if (link->session->state() != agent::SessionState::Stopped) return;
  }
  if (!process_.alive()) return;
  world_.say(name(), "ended");
  process_.end();
  on_gone(/*power_lost=*/false);
}

/// A timer for the session's deadline. One that is overtaken by another finds nothing to do.
void AgentNode::arm(Link& link) {
  std::optional<Instant> deadline = link.session->deadline();
  if (!deadline || deadline == link.armed) return;
  link.armed = deadline;
  process_.timer(*deadline - world_.now(), [this, &link, armed = *deadline] {
    if (link.armed != armed) return;
    link.armed = std::nullopt;
    refresh_vitals();
    link.session->on_timer(world_.now(), link.effects);
    carry_out(link);
  });
}

}  // namespace berth::sim
