#include "tests/sim/network.h"

#include <algorithm>

namespace berth::sim {

void Socket::send(std::vector<std::byte> bytes) {
  if (!open_ || peer_ == nullptr || bytes.empty()) return;
  World& world = network_->world_;
  // A read may return any part of what was written.
  if (bytes.size() > 1 && world.one_in(16)) {
    auto middle = bytes.begin() + static_cast<ptrdiff_t>(world.rng.below(bytes.size()));
    peer_->push({Kind::Bytes, {bytes.begin(), middle}});
    bytes.erase(bytes.begin(), middle);
  }
  peer_->push({Kind::Bytes, std::move(bytes)});
}

void Socket::close() {
  if (!open_) return;
  open_ = false;
  if (peer_ != nullptr) peer_->push({Kind::Closed, {}, "the other end closed"});
}

/// Something is on its way to this end.
void Socket::push(Packet packet) {
  World& world = network_->world_;
  coming_.push_back(std::move(packet));
  Instant arrival = world.now() + world.between(network_->delay_least, network_->delay_most);
  last_arrival_ = std::max(last_arrival_, arrival);
  world.at(last_arrival_, [self = shared_from_this()] {
    if (!self->stalled_) self->deliver_next();
  });
}

void Socket::deliver_next() {
  if (coming_.empty()) return;
  if (peer_ != nullptr && network_->is_cut(peer_->process_->name(), process_->name())) {
    stalled_ = true;
    return;
  }
  Packet packet = std::move(coming_.front());
  coming_.pop_front();
  if (!process_->alive() || process_->life() != life_) {
    // Power was lost here. Once the machine is back it answers with a reset.
    if (process_->alive() && open_ && peer_ != nullptr && packet.kind == Kind::Bytes) {
      open_ = false;
      peer_->push({Kind::Closed, {}, "connection reset"});
    }
    return;
  }
  process_->input(Duration{0}, [self = shared_from_this(), packet = std::move(packet)] {
    if (!self->open_) return;
    if (packet.kind == Kind::Connected && self->on_connected) self->on_connected();
    if (packet.kind == Kind::Bytes && self->on_bytes) self->on_bytes(packet.bytes);
    if (packet.kind == Kind::Closed) {
      self->open_ = false;
      if (self->on_closed) self->on_closed(packet.why);
    }
  });
}

Network::~Network() {
  for (const std::shared_ptr<Socket>& socket : sockets_) {
    socket->peer_ = nullptr;
    socket->on_connected = nullptr;
    socket->on_bytes = nullptr;
    socket->on_closed = nullptr;
  }
}

std::shared_ptr<Socket> Network::make_socket(Process& process) {
  auto socket = std::make_shared<Socket>();
  socket->network_ = this;
  socket->process_ = &process;
  socket->life_ = process.life();
  sockets_.push_back(socket);
  return socket;
}

std::shared_ptr<Socket> Network::connect(Process& from, const std::string& to) {
  forget_closed();
  std::shared_ptr<Socket> client = make_socket(from);
  world_.after(
      world_.between(delay_least, delay_most), [this, client, to] { arrive_connect(client, to); });
  return client;
}

/// The kernel of the listening machine accepts, also while the process is frozen.
void Network::arrive_connect(const std::shared_ptr<Socket>& client, const std::string& to) {
  const Listener& listener = listeners_.at(to);
  if (!client->open_) return;
  const std::string& from = client->process_->name();
  if (is_cut(from, to) || is_cut(to, from)) {  // a handshake goes both ways
    held_connects_.push_back([this, client, to] { arrive_connect(client, to); });
    return;
  }
  if (!listener.process->alive()) {
    client->push({Socket::Kind::Closed, {}, "connection refused"});
    return;
  }
  std::shared_ptr<Socket> server = make_socket(*listener.process);
  client->peer_ = server;
  server->peer_ = client;
  listener.process->input(Duration{0}, [&listener, server] { listener.accept(server); });
  client->push({Socket::Kind::Connected, {}});
}

void Network::heal(const std::string& a, const std::string& b) {
  if (cuts_.erase({a, b}) + cuts_.erase({b, a}) == 0) return;
  for (auto& connect : std::exchange(held_connects_, {}))
    world_.after(delay_least, connect);
  std::vector<std::shared_ptr<Socket>> sockets = sockets_;
  for (const std::shared_ptr<Socket>& socket : sockets) {
    if (!socket->stalled_) continue;
    socket->stalled_ = false;
    size_t waiting = socket->coming_.size();
    for (size_t i = 0; i < waiting && !socket->stalled_; ++i)
      socket->deliver_next();
  }
}

void Network::heal_all() {
  while (!cuts_.empty()) {
    Names names = *cuts_.begin();
    heal(names.first, names.second);
  }
}

void Network::reset(const std::string& a, const std::string& b) {
  std::vector<std::shared_ptr<Socket>> sockets = sockets_;
  for (const std::shared_ptr<Socket>& socket : sockets) {
    if (!socket->open_ || socket->peer_ == nullptr) continue;
    if (pair(socket->process_->name(), socket->peer_->process_->name()) != pair(a, b)) continue;
    socket->coming_.clear();
    socket->push({Socket::Kind::Closed, {}, "connection reset"});
  }
}

void Network::drop(Process& process, bool silently) {
  std::vector<std::shared_ptr<Socket>> sockets = sockets_;
  for (const std::shared_ptr<Socket>& socket : sockets) {
    if (socket->process_ != &process || !socket->open_) continue;
    socket->coming_.clear();
    if (silently) continue;  // stays "open", so that bytes for it are answered with a reset later
    socket->open_ = false;
    if (socket->peer_ != nullptr)
      socket->peer_->push({Socket::Kind::Closed, {}, "connection reset"});
  }
}

/// Both ends refer to each other; letting go of one is enough to free them.
void Network::forget_closed() {
  std::erase_if(sockets_, [](const std::shared_ptr<Socket>& socket) {
    bool done = !socket->open_ && socket->coming_.empty();
    if (done && (socket->peer_ == nullptr || !socket->peer_->open_)) {
      if (socket->peer_ != nullptr && socket->peer_->coming_.empty()) socket->peer_ = nullptr;
      return socket->peer_ == nullptr;
    }
    return false;
  });
}

}  // namespace berth::sim
