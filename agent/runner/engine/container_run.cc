#include "agent/runner/engine/container_run.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>

#include <nlohmann/json.hpp>

#include "agent/runner/engine/container.h"

namespace berth::agent {

using nlohmann::json;

namespace {

/// An image may have to be copied before its container is there; whoever asked for a stop sooner
/// has us killed by the supervisor.
constexpr int kMakePatienceMs = 600'000;
constexpr int kWaitPatienceMs = 10'000;  // for an answer that has begun to come
constexpr int kLookEveryMs = 2;
constexpr int64_t kDrainMs = 5'000;
constexpr int64_t kKillAgainMs = 1'000;
constexpr int64_t kFirstSampleMs = 50;
constexpr int64_t kSampleEveryMs = 1'000;
constexpr int kBlocksPerTurn = 16;
constexpr size_t kBlockBytes = 64 * 1024;

int64_t now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// The number at `pointer`, 0 where the engine tells none.
uint64_t number_at(const json& object, const char* pointer) {
  json::json_pointer at(pointer);
  bool there = object.contains(at) && object[at].is_number();
  return there ? object[at].get<uint64_t>() : 0;
}

}  // namespace

ContainerRun::ContainerRun(const Order& order) : order_(order) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  // Without it a stop is what the supervisor does after its grace.
  signals_.reset(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::string ContainerRun::path(const std::string& rest) const {
  return "/containers/" + engine_container_name(order_) + rest;
}

/// What an engine says of a command that is not in the image is about the job.
Verdict ContainerRun::refusal(const Answer& answer) const {
  std::string why = answer.complaint();
  std::string at = "the engine at " + order_.engine_socket;
  Verdict verdict{wire::ErrorClass::Refused, 0, {}};
  if (answer.status == 0) {
    verdict.message = "cannot talk to " + at + ": " + why;
  } else if (answer.status == 404 && has(why, "mage")) {
    verdict.error = wire::ErrorClass::Image;
    verdict.message = "image '" + order_.image + "' is not on this worker: no file has that name" +
                      ", and " + at + " says: " + why + "; pull it there, or put a file there";
  } else {
    bool image = has(why, "nvalid reference") || has(why, "o command specified");
    if (image) verdict.error = wire::ErrorClass::Image;
    verdict.message = at + " cannot start image '" + order_.image + "': " + why;
  }
  return verdict;
}

Verdict ContainerRun::create() {
  // Names and values may be bytes of any kind; JSON is UTF-8.
  std::string body = make_container(order_).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string make = "/containers/create?name=" + engine_container_name(order_);
  Answer made = ask(order_.engine_socket, "POST", make, body, kMakePatienceMs);
  if (!made.ok()) return refusal(made);
  const json told = json::parse(made.body, nullptr, false);
  if (told.is_object()) id_ = told.value("Id", "");
  std::string streams = "/attach?stream=1&stdout=1&stderr=1";
  if (!order_.stdin_text.empty()) streams += "&stdin=1";
  Request attach(order_.engine_socket, kWaitPatienceMs);
  Answer attached = attach.hijack(path(streams), streams_, early_);
  if (!attached.ok()) return refusal(attached);
  (void)fcntl(streams_.get(), F_SETFL, O_NONBLOCK);  // a socket of ours: cannot fail
  return {};
}

Verdict ContainerRun::start() {
  Verdict verdict = create();
  if (verdict.error != wire::ErrorClass::None) return verdict;
  Answer started = start_watched();
  if (!started.ok()) return refusal(started);
  // Not before the start: asked so, it is answered at once for one that has ended already.
  end_ = std::make_unique<Request>(order_.engine_socket, kWaitPatienceMs);
  end_->send("POST", path("/wait?condition=not-running"));
  if (order_.memory_bytes > 0 && oom_.fd() < 0) watch_memory();
  sample_wait_ms_ = kFirstSampleMs;
  sample_at_ms_ = now_ms() + sample_wait_ms_;
  return {};
}

/// The container's group is there before it runs, and the answer comes after.
Answer ContainerRun::start_watched() {
  Request request(order_.engine_socket, kMakePatienceMs);
  request.send("POST", path("/start"));
  const int64_t until = now_ms() + kMakePatienceMs;
  while (order_.memory_bytes > 0 && now_ms() < until && !oom_.look_for(id_)) {
    pollfd answered = {request.fd(), POLLIN, 0};
    if (poll(&answered, 1, kLookEveryMs) != 0) break;
  }
  return request.answer();
}

void ContainerRun::watch_memory() {
  Answer answer = ask(order_.engine_socket, "GET", path("/json"));
  json shown = json::parse(answer.body, nullptr, false);
  if (!answer.ok() || !shown.is_object()) return;
  oom_.begin(number_at(shown, "/State/Pid"), shown.value("Id", ""));
}

EngineReport ContainerRun::watch() {
  hand_on(early_);
  while (end_ || streams_) {
    bool feeding = streams_ && fed_ < order_.stdin_text.size();
    short wanted = static_cast<short>(feeding ? POLLIN | POLLOUT : POLLIN);
    pollfd fds[] = {
        {signals_.get(), POLLIN, 0},
        {streams_.get(), wanted, 0},  // -1 is passed over
        {end_ ? end_->fd() : -1, POLLIN, 0},
        {end_ ? oom_.fd() : -1, POLLIN, 0}};
    if (poll(fds, std::size(fds), next_wait_ms()) < 0 && errno != EINTR) {
      problem_ = "cannot wait for it: " + error_text(errno);
      break;
    }
    if (fds[3].revents != 0) oom_.heard();
    if (fds[1].revents != 0) on_streams(fds[1].revents);
    if (fds[2].revents != 0) on_ended();
    if (fds[0].revents != 0) on_signal();
    on_time();
  }
  return report();
}

int ContainerRun::next_wait_ms() const {
  int64_t next = end_ ? sample_at_ms_ : give_up_at_ms_;
  if (end_ && kill_at_ms_ > 0) next = std::min(next, kill_at_ms_);
  return static_cast<int>(std::clamp<int64_t>(next - now_ms(), 0, kSampleEveryMs));
}

void ContainerRun::on_streams(short events) {
  if ((events & POLLOUT) != 0) on_input();
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) on_output();
}

void ContainerRun::on_output() {
  static char block[kBlockBytes];
  for (int i = 0; i < kBlocksPerTurn && streams_; ++i) {
    ssize_t n = recv(streams_.get(), block, sizeof block, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      streams_.reset();
    } else {
      hand_on({block, static_cast<size_t>(n)});
    }
  }
}

void ContainerRun::on_input() {
  std::string_view rest = std::string_view(order_.stdin_text).substr(fed_);
  ssize_t n = send(streams_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // A task that has closed its input wants no more of it.
  fed_ += n < 0 ? rest.size() : static_cast<size_t>(n);
  if (fed_ == order_.stdin_text.size()) (void)shutdown(streams_.get(), SHUT_WR);
}

void ContainerRun::hand_on(std::string_view bytes) {
  bool framed = frames_.feed(bytes, [](int stream, std::string_view piece) {
    (void)write_all(stream == 2 ? 2 : 1, piece);  // nobody reads: the supervisor is gone
  });
  if (framed) return;
  problem_ = "the engine sends outputs in a form that is not known";
  streams_.reset();
}

void ContainerRun::on_ended() {
  Answer answer;
  if (!end_->take_some(answer)) return;
  end_.reset();
  give_up_at_ms_ = now_ms() + kDrainMs;
  if (!answer.ok()) problem_ = answer.complaint();
}

void ContainerRun::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info)
    continue;
  if (kill_at_ms_ > 0) return;
  kill_at_ms_ = now_ms() + order_.kill_grace_ms;
  send_signal("SIGTERM");
}

void ContainerRun::on_time() {
  int64_t now = now_ms();
  if (!end_) {
    if (now >= give_up_at_ms_) streams_.reset();
    return;
  }
  if (kill_at_ms_ > 0 && now >= kill_at_ms_) {
    send_signal("SIGKILL");
    kill_at_ms_ = now + kKillAgainMs;
  }
  if (now >= sample_at_ms_) sample();
}

void ContainerRun::send_signal(const char* name) {
  // It has ended meanwhile; or the engine has, which the request that waits tells.
  (void)ask(order_.engine_socket, "POST", path(std::string("/kill?signal=") + name));
}

/// Engines tell what a container has used only while it runs: often at first, for short ones.
void ContainerRun::sample() {
  sample_wait_ms_ = std::min(sample_wait_ms_ * 2, kSampleEveryMs);
  Answer answer = ask(order_.engine_socket, "GET", path("/stats?stream=0&one-shot=1"));
  sample_at_ms_ = now_ms() + sample_wait_ms_;
  json stats = json::parse(answer.body, nullptr, false);
  if (!answer.ok() || !stats.is_object()) return;
  uint64_t cpu_ms = number_at(stats, "/cpu_stats/cpu_usage/total_usage") / 1'000'000;
  report_.cpu_ms = std::max(report_.cpu_ms, cpu_ms);
  // The peak is told by version 1 of control groups alone.
  for (const char* pointer : {"/memory_stats/max_usage", "/memory_stats/usage"})
    report_.memory_peak_bytes = std::max(report_.memory_peak_bytes, number_at(stats, pointer));
}

EngineReport ContainerRun::report() {
  Answer answer = ask(order_.engine_socket, "GET", path("/json"));
  json shown = json::parse(answer.body, nullptr, false);
  json::json_pointer code("/State/ExitCode");
  if (answer.ok() && problem_.empty() && shown.is_object() && shown.contains(code)) {
    report_.exit_code = static_cast<int32_t>(number_at(shown, "/State/ExitCode"));
    report_.oom_killed = shown.value(json::json_pointer("/State/OOMKilled"), false) ||
                         (report_.exit_code != 0 && oom_.killed());
    return report_;
  }
  if (problem_.empty()) problem_ = answer.complaint();
  report_.problem =
      "the engine at " + order_.engine_socket +
      " ended or failed while the task ran, and how it ended is not known: " + problem_;
  return report_;
}

}  // namespace berth::agent
