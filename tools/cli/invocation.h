#pragma once

#include <cstdint>
#include <string>

#include "net/client/client.h"

namespace berth::cli {

/// Exit codes of every command; scripts rely on them.
enum class Exit : int {
  Ok = 0,
  Failed = 1,
  Usage = 2,
  NotFound = 3,
  Denied = 4,
  Unreachable = 5,
  Conflict = 6,
  CannotBePlaced = 7,
  TimedOut = 8,
};

enum class Command : uint8_t {
  None,
  Place,
  Release,
  WorkerList,
  WorkerShow,
  WorkerCordon,
  WorkerDrain,
  WorkerUndrain,
  WorkerForget,
  Stats,
  Tags,
  Watch,
  Top,
  Ping,
  Console,
  Completion,
  Version,
};

/// What the command line asks for, checked as far as that is possible without a server.
struct Invocation {
  Command command = Command::None;

  // Of every command.
  std::string server = "127.0.0.1:7640";
  std::string token_file;
  client::Milliseconds timeout{5'000};
  bool json = false;

  // Of one or some.
  client::PlaceRequest place;
  client::ReleaseRequest release;
  client::ListRequest list;
  std::string worker;
  std::string reason;
  std::string console = "127.0.0.1:7642";
  std::string shell;
  client::Milliseconds interval{1'000};
  uint32_t count = 0;  ///< of pings or events; 0: the command's own default
};

}  // namespace berth::cli
