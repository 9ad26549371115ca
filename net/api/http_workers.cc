#include "net/api/http_workers.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <utility>

#include "net/api/kept_output.h"
#include "net/loop_clock.h"

namespace berth::net {

namespace {

using core::Duration;
using wire::AssignmentId;
using wire::JobState;
using wire::Refusal;
using wire::Refused;

constexpr Duration kUnusedMax = Duration::seconds(3600);
constexpr size_t kStopsMax = 64;
constexpr uint32_t kLive = 1u << static_cast<uint32_t>(JobState::Assigned) |
                           1u << static_cast<uint32_t>(JobState::Running);

constexpr Refused kEnded{Refusal::Busy, "the session of this worker has ended: ask again"};

}  // namespace

/// One worker's talk with the ledger.
class HttpWorkers::Session final : public Peer {
 public:
  Session(State& owner, std::string worker) : owner_(owner), worker_(std::move(worker)) {}

  void join(const Terms& terms, Then then);
  void ask(const wire::Request& request, Then then);

  // Peer
  void on_reply(wire::RequestId request, const wire::Reply& reply) override;
  void on_ended() override;

  std::vector<AssignmentId> stops;
  core::Instant used;
  Duration offline_after;

 private:
  void find_leases(uint64_t cursor);
  void attach();
  void joined(const wire::Reply& reply);
  void on_pushed(const wire::Reply& reply);

  State& owner_;
  const std::string worker_;
  absl::flat_hash_map<uint32_t, Then> awaited_;
  std::vector<Then> joining_;
  std::vector<AssignmentId> running_;  // to attach with
  uint64_t nonce_ = 0;
  uint64_t asked_nonce_ = 0;  // while it joins
  uint32_t asked_ = 0;
  bool attached_ = false;
};

struct HttpWorkers::State {
  explicit State(Asker& asker) : asker(asker) {}

  Session* find(std::string_view worker) const {
    const auto found = sessions.find(std::string(worker));
    return found == sessions.end() ? nullptr : found->second.get();
  }

  Asker& asker;
  absl::flat_hash_map<std::string, std::unique_ptr<Session>> sessions;
  KeptOutput output{kOutputBytesMax, kStreamBytesMax};
};

HttpWorkers::HttpWorkers(Asker& asker) : state_(std::make_unique<State>(asker)) {}

HttpWorkers::~HttpWorkers() = default;

void HttpWorkers::join(std::string_view worker, const Terms& terms, Then then) {
  Session* session = state_->find(worker);
  if (session == nullptr) {
    if (state_->sessions.size() >= kWorkersMax) {
      return then(Refused{Refusal::LimitReached, "too many workers speak HTTP"});
    }
    auto fresh = std::make_unique<Session>(*state_, std::string(worker));
    session = fresh.get();
    state_->asker.open(*session);
    state_->sessions.emplace(std::string(worker), std::move(fresh));
  }
  session->used = LoopClock::mono();
  session->join(terms, std::move(then));
}

void HttpWorkers::ask(std::string_view worker, const wire::Request& request, Then then) {
  Session* session = state_->find(worker);
  if (session == nullptr) return then(kEnded);
  session->used = LoopClock::mono();
  session->ask(request, std::move(then));
}

std::vector<AssignmentId> HttpWorkers::stops(std::string_view worker) const {
  const Session* session = state_->find(worker);
  return session == nullptr ? std::vector<AssignmentId>{} : session->stops;
}

std::vector<AssignmentId> HttpWorkers::take_stops(std::string_view worker) {
  Session* session = state_->find(worker);
  return session == nullptr ? std::vector<AssignmentId>{} : std::exchange(session->stops, {});
}

void HttpWorkers::keep_output(
    AssignmentId assignment, std::string_view stdout_text, std::string_view stderr_text) {
  state_->output.keep(assignment, stdout_text, stderr_text);
}

size_t HttpWorkers::sessions() const {
  return state_->sessions.size();
}

/// What a worker that went away was running is lost by then.
void HttpWorkers::on_tick(core::Now now) {
  absl::erase_if(state_->sessions, [&](const auto& entry) {
    const Duration unused = now.mono - entry.second->used;
    if (unused < kUnusedMax + entry.second->offline_after) return false;
    state_->asker.close(*entry.second);
    return true;
  });
}

void HttpWorkers::Session::join(const Terms& terms, Then then) {
  const uint64_t nonce = terms.nonce.value_or(nonce_);
  const bool same = nonce == nonce_ && terms.offline_after == offline_after && !terms.running;
  if (attached_ && same) return then(wire::Attached{});
  asked_nonce_ = nonce;
  offline_after = terms.offline_after;
  joining_.push_back(std::move(then));
  if (terms.running) {
    running_.assign(terms.running->begin(), terms.running->end());
    return attach();
  }
  // To attach is to say what one holds, and whoever is not asked for that holds what it held.
  if (joining_.size() == 1) {
    running_.clear();
    find_leases(0);
  }
}

void HttpWorkers::Session::find_leases(uint64_t cursor) {
  wire::ListJobs list;
  list.states = kLive;
  list.worker = worker_;
  list.cursor = cursor;
  ask(list, [this](const wire::Reply& reply) {
    const auto* page = std::get_if<wire::JobPage>(&reply);
    if (page == nullptr) return joined(reply);
    for (const wire::JobRow& row : page->rows)
      running_.push_back(row.assignment);
    if (page->next_cursor != 0) return find_leases(page->next_cursor);
    attach();
  });
}

void HttpWorkers::Session::attach() {
  wire::AttachWorker hello;
  hello.worker = worker_;
  hello.nonce = asked_nonce_;
  hello.pull = true;
  hello.running = running_;
  hello.offline_after_ms = static_cast<uint32_t>(offline_after.ms());
  ask(hello, [this](const wire::Reply& reply) { joined(reply); });
}

void HttpWorkers::Session::joined(const wire::Reply& reply) {
  // Whoever is refused has changed nothing, as one that brings another's id and not its nonce.
  if (std::holds_alternative<wire::Attached>(reply)) {
    attached_ = true;
    nonce_ = asked_nonce_;
  }
  for (const Then& then : std::exchange(joining_, {}))
    then(reply);
}

void HttpWorkers::Session::ask(const wire::Request& request, Then then) {
  if (++asked_ == 0) ++asked_;  // 0 is for what nobody asked for
  awaited_.emplace(asked_, std::move(then));
  owner_.asker.ask(*this, {asked_}, request);
}

void HttpWorkers::Session::on_reply(wire::RequestId request, const wire::Reply& reply) {
  if (request.value == 0) return on_pushed(reply);
  const auto found = awaited_.find(request.value);
  if (found == awaited_.end()) return;
  const Then then = std::move(found->second);
  awaited_.erase(found);
  // Somebody else attached with this id meanwhile: its next request attaches again.
  const auto* refused = std::get_if<Refused>(&reply);
  if (refused != nullptr && refused->code == Refusal::NotFound) attached_ = false;
  then(reply);
}

void HttpWorkers::Session::on_pushed(const wire::Reply& reply) {
  if (const auto* stop = std::get_if<wire::StopTasks>(&reply)) {
    for (const wire::StopTask& task : stop->items) {
      if (stops.size() == kStopsMax) stops.erase(stops.begin());
      stops.push_back(task.assignment);
    }
    return;
  }
  const auto* want = std::get_if<wire::WantLog>(&reply);
  if (want == nullptr) return;
  const wire::LogPiece piece = owner_.output.piece_of(*want);
  owner_.asker.ask(*this, {++asked_}, piece);
}

void HttpWorkers::Session::on_ended() {
  attached_ = false;
  for (auto& [request, then] : std::exchange(awaited_, {}))
    then(kEnded);
}

}  // namespace berth::net
