#include "net/console/console_session.h"

#include <cstring>

#include "net/console/console_render.h"
#include "net/loop_clock.h"

namespace berth::net {

TcpStream::Taken ConsoleSession::on_input(std::span<const std::byte> input) {
  Taken taken;
  while (live()) {
    if (congested()) flush();
    if (held()) {
      taken.stopped = true;
      break;
    }
    const std::string_view rest(
        reinterpret_cast<const char*>(input.data()) + taken.bytes, input.size() - taken.bytes);
    const size_t end = rest.find('\n');
    if (end == rest.npos) {
      // One more for a carriage return.
      if (rest.size() <= kConsoleLineMax + 1) break;
      if (!skipping_) run(rest);
      skipping_ = true;
      taken.bytes += rest.size();
      break;
    }
    taken.bytes += end + 1;
    if (!skipping_) run(rest.substr(0, end));
    skipping_ = false;
  }
  return taken;
}

void ConsoleSession::on_end(std::span<const std::byte> rest) {
  ended_ = true;
  // What is piped in often ends without a line end.
  if (!rest.empty() && !skipping_) {
    run({reinterpret_cast<const char*>(rest.data()), rest.size()});
  }
  host_.on_console_dirty(*this);
}

void ConsoleSession::run(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string text;
  if (!parse_console_line(line, command_, text)) {
    refuse("bad_request", text);
    // A web page can make a browser send us lines of its choice, but only behind such a head.
    if (line.find(" HTTP/1.") != line.npos) finish(CloseReason::Refused);
    return;
  }
  switch (command_.kind) {
    case ConsoleCommand::Kind::Empty: return;
    case ConsoleCommand::Kind::Help: render_help(text); break;
    case ConsoleCommand::Kind::Version: render_ok(host_.software(), text); break;
    case ConsoleCommand::Kind::Quit:
      render_ok("bye", text);
      say(text);
      finish(CloseReason::Local);
      return;
    case ConsoleCommand::Kind::Request:
    case ConsoleCommand::Kind::Worker:
    case ConsoleCommand::Kind::Stats:
    case ConsoleCommand::Kind::Shards: request(command_.request); return;
  }
  say(text);
}

void ConsoleSession::request(wire::Request& request) {
  if (auto* place = std::get_if<wire::Place>(&request); place != nullptr && place->task.empty()) {
    // A name no other session makes: the slot, the time, and a number.
    invented_task_ = "console-" + std::to_string(id.slot()) + "-" +
                     std::to_string(LoopClock::wall_ms()) + "-" + std::to_string(++invented_);
    place->task = invented_task_;
  }
  waiting_ = true;
  host_.on_console_request(*this, request);
}

void ConsoleSession::on_reply(wire::RequestId, const wire::Reply& reply) {
  if (!waiting_ || std::holds_alternative<wire::WorkerEvent>(reply)) return;
  waiting_ = false;
  std::string text;
  render_reply(command_.kind, reply, text);
  say(text);
}

void ConsoleSession::refuse(std::string_view code, std::string_view message) {
  std::string text;
  render_error(code, message, text);
  say(text);
}

void ConsoleSession::say(const std::string& text) {
  std::vector<std::byte>& to = out();
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  to.insert(to.end(), bytes, bytes + text.size());
  host_.on_console_dirty(*this);
}

void ConsoleSession::proceed() {
  if (!ended_ && !waiting_) resume();
  flush();
  if (ended_ && !waiting_) finish(CloseReason::Peer);
}

}  // namespace berth::net
