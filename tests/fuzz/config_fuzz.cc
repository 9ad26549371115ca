#include <cstdlib>
#include <string>
#include <string_view>

#include "net/config/server_config.h"

// A configuration file with anything in it: taken, or refused in one sentence; and what is taken
// can be printed as a file that is taken again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ServerConfig config;
  OptionTable table = server_options(config);
  std::string problem;
  if (!table.load_text(text, "fuzz.toml", problem)) {
    if (problem.empty() || problem.find('\n') != problem.npos) std::abort();
    return 0;
  }
  ServerConfig again;
  OptionTable second = server_options(again);
  if (!second.load_text(table.print(), "printed.toml", problem)) std::abort();
  return 0;
}
