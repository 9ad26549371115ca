#include "net/api/event_feed.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "net/api/event_ring.h"
#include "net/loop_clock.h"

namespace berth::net {
namespace {

using core::Duration;
using core::Instant;

// While events come fast, each subscriber gets them in pieces, once in so long.
constexpr Duration kGather = Duration::milliseconds(40);
constexpr Duration kHeartbeat = Duration::seconds(15);
// Who takes nothing for so long is cut while its connection can still be told so.
constexpr Duration kStuckMax = Duration::seconds(15);
// The watch and the ring outlive the last subscriber by so long: clients come back.
constexpr Duration kLinger = Duration::seconds(30);
// Filling the ring again costs some 100 ms; who asks for ever older events waits for the next one.
constexpr Duration kRefillPause = Duration::seconds(1);

// In one turn more may come than the ring holds: those whose filter passes it all over must not be
// cut for it.
constexpr size_t kUntoldMax = 16'384;

constexpr size_t kPieceBytes = 64 * 1024;
constexpr size_t kLookedAtMax = 65'536;
// Events ahead of one whose job is not known yet, whose jobs are asked for with it.
constexpr size_t kAheadMax = 2 * TraitBook::kAskedMax;

/// No event is of this kind: the ledger says whether a sequence can be gone on from, and no more.
constexpr uint32_t kNoKind = 1u << 31;
constexpr uint32_t kAllKinds = 15;

constexpr std::pair<std::string_view, std::string_view> kHeaders[] = {
    {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};

bool read_number(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

void refuse_traits(Exchange& exchange) {
  exchange.problem(
      {.status = 429,
       .code = "limit_reached",
       .detail = "jobs of " + std::to_string(TraitBook::kFiltersMax) +
                 " different choices of queue, tenant, name and label are watched already",
       .hint = "watch all jobs and choose among them, or close another watch",
       .retry_after_s = 5});
}

}  // namespace

struct EventFeed::State final : Peer {
  explicit State(Asker& asker)
      : asker(asker), ring(kRingBytes), traits(asker, [this] { fresh = true; }) {}

  enum class Watch : uint8_t { Off, Asked, On };
  enum class Stage : uint8_t { Checked, Joining, Live };

  struct Subscriber {
    Exchange* exchange = nullptr;
    EventFilter filter;
    std::shared_ptr<const TraitBook::Filter> traits;  ///< null: any
    uint64_t told = 0;                                ///< sequence; 0: begins where the ring does
    Stage stage = Stage::Checked;
    bool stuck = false;  ///< `when_writable` will call
    Instant stuck_since;
    Instant written;
  };

  void on_reply(wire::RequestId request, const wire::Reply& reply) override;
  void on_ended() override;

  void check(uint64_t number);
  void join(uint64_t number);
  void watch_from(uint64_t after);
  void on_watching();
  void on_not_watching(const wire::Refused& refused);
  void go_live(Subscriber& one);
  void add(const wire::JobEvents& events);
  void flush();
  bool pump(Subscriber& one);
  bool write_next(Subscriber& one);
  void pass(Subscriber& one);
  void look_ahead(const Subscriber& one);
  void cut(uint64_t number, std::string_view code, std::string_view detail);
  void cut_all(std::string_view code, std::string_view detail);
  void fail(uint64_t number, const Problem& problem);
  Subscriber* find(uint64_t number) {
    const auto found = subscribers.find(number);
    return found == subscribers.end() ? nullptr : found->second.get();
  }
  std::vector<uint64_t> numbers() const;

  Asker& asker;
  EventRing ring;
  TraitBook traits;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Subscriber>> subscribers;
  uint64_t subscribed = 0;  ///< numbers them
  Watch watch = Watch::Off;
  wire::RequestId asked;
  uint64_t asked_after = 0;
  uint64_t newest =
      0;  ///< sequence of any event that was told; the ring may be behind it while it fills
  Instant filled;      ///< when it was last asked for older events
  Instant flushed;     ///< when everybody was last told
  Instant left;        ///< when the last subscriber was last seen
  size_t untold = 0;   ///< events since then
  bool fresh = false;  ///< there are events that not everybody was told of
  std::string passed;
};

EventFeed::EventFeed(Asker& asker) : state_(std::make_unique<State>(asker)) {}

EventFeed::~EventFeed() = default;

uint64_t EventFeed::subscribers() const {
  return state_->subscribers.size();
}

// ---- Coming -----------------------------------------------------------------------------------

void EventFeed::subscribe(Exchange& exchange, const Filter& filter) {
  State& self = *state_;
  const std::string_view resumed = exchange.request().header("last-event-id");
  uint64_t after = exchange.number("after");
  if (!resumed.empty() && !read_number(resumed, after)) {
    return exchange.problem(
        {.status = 400,
         .code = "bad_request",
         .detail = "Last-Event-ID '" + std::string(resumed) + "' is not the id of an event",
         .hint = "send the last id that this stream gave you, or none"});
  }
  if (exchange.request().method == HttpMethod::Head) {
    exchange.begin({.content_type = kEventStreamType, .headers = kHeaders});
    return exchange.end();
  }
  if (self.subscribers.size() >= kSubscribersMax) {
    return exchange.problem(
        {.status = 429,
         .code = "limit_reached",
         .detail = "there are " + std::to_string(kSubscribersMax) + " subscribers already",
         .hint = "close one, or try again later",
         .retry_after_s = 5});
  }
  const uint64_t number = ++self.subscribed;
  auto one = std::make_unique<State::Subscriber>();
  one->exchange = &exchange;
  one->filter = {filter.kinds, filter.jobs, worker_key(filter.worker), filter.states};
  if (!filter.traits.wants_all()) {
    one->traits = self.traits.open(filter.traits);
    if (one->traits == nullptr) return refuse_traits(exchange);
  }
  one->told = after;
  self.subscribers.emplace(number, std::move(one));
  exchange.when_gone([&self, number] { self.subscribers.erase(number); });
  if (after != 0) {
    self.check(number);
  } else {
    self.join(number);
  }
}

// A watch of nothing: whether the ledger agrees is the answer. It is ended at once.
void EventFeed::State::check(uint64_t number) {
  Subscriber& one = *find(number);
  wire::WatchJobs probe;
  probe.after = one.told;
  probe.kinds = kNoKind;
  one.exchange->ask(probe, [this, number](const wire::Reply& reply) {
    Subscriber* asker_of_it = find(number);
    if (asker_of_it == nullptr) return;
    if (const auto* refused = std::get_if<wire::Refused>(&reply)) {
      if (refused->code != wire::Refusal::Stale) return fail(number, problem_of(*refused));
      return fail(
          number,
          {.status = 410,
           .code = "gone",
           .detail = std::string(refused->message),
           .hint = "list the jobs and workers again, and subscribe without Last-Event-ID"});
    }
    wire::WatchJobs end;
    end.enable = false;
    asker_of_it->exchange->ask(end, [this, number](const wire::Reply&) { join(number); });
  });
}

void EventFeed::State::join(uint64_t number) {
  Subscriber* one = find(number);
  if (one == nullptr) return;
  one->stage = Stage::Joining;
  if (watch == Watch::Off) return watch_from(one->told);
  if (watch == Watch::Asked) return;
  if (one->told == 0) {
    one->told = newest;
    return go_live(*one);
  }
  // Else the next tick asks for older events.
  if (ring.begin() != 0 && one->told >= ring.begin()) go_live(*one);
}

void EventFeed::State::watch_from(uint64_t after) {
  if (id.value == 0) asker.open(*this);
  watch = Watch::Asked;
  asked_after = after;
  asked = {asked.value + 1};
  filled = LoopClock::mono();
  wire::WatchJobs request;
  request.after = after;
  request.kinds = kAllKinds;
  asker.ask(*this, asked, request);
}

void EventFeed::State::go_live(Subscriber& one) {
  one.stage = Stage::Live;
  one.written = LoopClock::mono();
  one.exchange->begin({.content_type = kEventStreamType, .headers = kHeaders});
  one.exchange->write("retry: 1000\n\n");
  fresh = true;
}

// ---- What the ledger says ---------------------------------------------------------------------

void EventFeed::State::on_reply(wire::RequestId request, const wire::Reply& reply) {
  const auto* refused = std::get_if<wire::Refused>(&reply);
  if (request == asked && request.value != 0) {
    if (refused != nullptr) {
      on_not_watching(*refused);
    } else {
      on_watching();
    }
  } else if (const auto* events = std::get_if<wire::JobEvents>(&reply)) {
    add(*events);
  } else if (refused != nullptr && request.value == 0) {
    // More happened at once than the ledger keeps. Whoever misses something is cut.
    watch_from(0);
  }
}

void EventFeed::State::on_watching() {
  watch = Watch::On;
  ring.clear(asked_after);
  for (const uint64_t number : numbers()) {
    Subscriber* one = find(number);
    if (one == nullptr || one->stage != Stage::Joining) continue;
    if (one->told >= asked_after || one->told == 0) go_live(*one);
  }
}

void EventFeed::State::on_not_watching(const wire::Refused& refused) {
  watch = Watch::Off;
  for (const uint64_t number : numbers()) {
    const Subscriber* one = find(number);
    if (one == nullptr) continue;
    if (one->stage == Stage::Live) {
      cut(number, "busy", refused.message);
    } else if (one->stage == Stage::Joining) {
      fail(number, problem_of(refused));
    }
  }
}

void EventFeed::State::on_ended() {
  id = {};
  watch = Watch::Off;
  cut_all("busy", "the server has ended the stream");
}

void EventFeed::State::add(const wire::JobEvents& events) {
  if (watch == Watch::Off) return;
  for (const wire::JobEvent& event : events.events) {
    if (event.sequence > ring.last()) ring.add(event);
    newest = std::max(newest, event.sequence);
    ++untold;
  }
  fresh = true;
  if (untold >= kUntoldMax) flush();
}

// ---- Telling ----------------------------------------------------------------------------------

void EventFeed::on_turn_end() {
  State& self = *state_;
  if (self.fresh && LoopClock::mono() - self.flushed >= kGather) self.flush();
}

void EventFeed::State::flush() {
  fresh = false;
  untold = 0;
  flushed = LoopClock::mono();
  for (const uint64_t number : numbers()) {
    Subscriber* one = find(number);
    if (one == nullptr || one->stage != Stage::Live) continue;
    const bool lost = one->told != 0 && one->told < ring.begin();
    if (lost || (one->stuck && flushed - one->stuck_since >= kStuckMax)) {
      cut(number, "slow_reader", "what has happened was not read for too long; connect again");
      continue;
    }
    if (one->stuck || !pump(*one)) continue;
    one->stuck = true;
    one->stuck_since = flushed;
    one->exchange->when_writable([this, number] {
      Subscriber* again = find(number);
      if (again == nullptr) return;
      again->stuck = false;
      fresh = true;
    });
  }
}

/// True: there is more, but the client has to read first.
bool EventFeed::State::pump(Subscriber& one) {
  if (one.told == 0) one.told = ring.begin();
  while (one.told < ring.last()) {
    if (!one.exchange->writable()) return true;
    if (!write_next(one)) break;
  }
  return false;
}

/// False: the rest is for the next turn.
bool EventFeed::State::write_next(Subscriber& one) {
  std::string_view piece;
  const bool all = one.filter.wants_all() && one.traits == nullptr;
  if (all) {
    piece = ring.next(one.told, kPieceBytes);
  } else {
    pass(one);
    piece = passed;
  }
  if (!piece.empty()) {
    one.written = flushed;
    one.exchange->write(piece);
  }
  if (all || one.told == ring.last()) return true;
  fresh = true;
  return false;
}

/// What passes its filter, up to the first job that has to be asked for.
void EventFeed::State::pass(Subscriber& one) {
  passed.clear();
  if (one.traits == nullptr) return ring.next(one.told, one.filter, kLookedAtMax, passed);
  bool waits = false;
  ring.next(one.told, one.filter, kLookedAtMax, passed, [&](uint64_t job) {
    const TraitBook::Verdict verdict = traits.of(job, *one.traits);
    waits = verdict == TraitBook::Verdict::Unknown;
    if (waits) return EventRing::Verdict::Wait;
    return verdict == TraitBook::Verdict::Has ? EventRing::Verdict::Take : EventRing::Verdict::Skip;
  });
  if (waits) look_ahead(one);
}

void EventFeed::State::look_ahead(const Subscriber& one) {
  uint64_t at = one.told;
  std::string nothing;
  ring.next(at, one.filter, kAheadMax, nothing, [this](uint64_t job) {
    traits.learn(job);
    return EventRing::Verdict::Skip;
  });
}

void EventFeed::on_tick(core::Now now) {
  State& self = *state_;
  if (self.fresh) self.flush();
  if (!self.subscribers.empty()) self.left = now.mono;
  if (self.watch == State::Watch::On && now.mono - self.left >= kLinger) {
    self.asker.close(self);
    self.watch = State::Watch::Off;
    self.ring.clear(0);
  }
  uint64_t oldest = 0;
  for (const auto& [number, one] : self.subscribers) {
    if (one->stage == State::Stage::Joining && (oldest == 0 || one->told < oldest)) {
      oldest = one->told;
    }
    if (one->stuck && now.mono - one->stuck_since >= kStuckMax) self.fresh = true;
    if (one->stage != State::Stage::Live || now.mono - one->written < kHeartbeat) continue;
    one->written = now.mono;
    if (one->exchange->writable()) one->exchange->write(":\n\n");
  }
  if (oldest != 0 && self.watch == State::Watch::On && now.mono - self.filled >= kRefillPause) {
    self.watch_from(oldest);
  }
}

// ---- Going ------------------------------------------------------------------------------------

void EventFeed::State::cut(uint64_t number, std::string_view code, std::string_view detail) {
  Subscriber* one = find(number);
  Exchange& exchange = *one->exchange;
  subscribers.erase(number);
  JsonOut json;
  json.object().field("code", code).field("detail", detail).end();
  exchange.write("event: cut\ndata: " + std::string(json.text()) + "\n\n");
  exchange.end();
}

void EventFeed::State::cut_all(std::string_view code, std::string_view detail) {
  for (const uint64_t number : numbers()) {
    const Subscriber* one = find(number);
    if (one == nullptr) continue;
    if (one->stage == Stage::Live) {
      cut(number, code, detail);
    } else if (one->stage == Stage::Joining) {
      fail(
          number,
          {.status = 503,
           .code = code,
           .detail = std::string(detail),
           .hint = "try again",
           .retry_after_s = 1});
    }
  }
}

void EventFeed::State::fail(uint64_t number, const Problem& problem) {
  Exchange& exchange = *find(number)->exchange;
  subscribers.erase(number);
  exchange.problem(problem);
}

void EventFeed::on_drain() {
  State& self = *state_;
  if (self.fresh) self.flush();
  self.cut_all("shutting_down", "the server is stopping; connect again and go on where this ends");
}

std::vector<uint64_t> EventFeed::State::numbers() const {
  std::vector<uint64_t> all;
  all.reserve(subscribers.size());
  for (const auto& [number, one] : subscribers)
    all.push_back(number);
  return all;
}

}  // namespace berth::net
