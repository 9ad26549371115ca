#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/text.h"
#include "net/console/console_command.h"
#include "net/console/console_render.h"
#include "wire/encode.h"

// A line as anyone may type it: understood or refused in one clean sentence, and what was
// understood can be sent on.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  net::ConsoleCommand command;
  std::string problem;
  if (!net::parse_console_line(line, command, problem)) {
    std::string answer;
    net::render_error("bad_request", problem, answer);
    const bool one_line = !answer.empty() && answer.find('\n') == answer.size() - 1;
    answer.pop_back();
    if (!one_line) std::abort();
    return 0;
  }
  wire::Encoder encoder;
  std::vector<std::byte> frame;
  if (command.kind != net::ConsoleCommand::Kind::Empty) {
    encoder.encode({1}, command.request, frame);
  }
  return 0;
}
