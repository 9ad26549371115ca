#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/client/client.h"
#include "net/forms/job_fields.h"

namespace berth::cli {

using namespace forms;  // jobs as people write them

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
  Events,
  Top,
  Ping,
  Run,
  JobSubmit,
  JobList,
  JobShow,
  JobLogs,
  JobWait,
  JobAbort,
  JobRetry,
  JobExplain,
  JobWatch,
  Backup,
  PlanExplain,
  PlanHistory,
  PlanShow,
  PlanSimulate,
  PlanSolve,
  PlanWhatIf,
  Console,
  Completion,
  Version,
};

/// What is asked of jobs.
struct JobAsk {
  // Of run and submit.
  JobDraft draft;
  std::string file;       ///< jobs as TOML
  std::string each_line;  ///< a job for each line of this file
  bool from_stdin = false;
  bool detach = false;
  bool refuse_unsatisfiable = false;
  std::string request_id;

  std::vector<std::string> selectors;
  client::JobFilter filter;
  std::string worker;  ///< whose jobs to abort
  bool follow = false;
  bool stderr_stream = false;
  uint32_t attempt = 0;
  bool all = false;
  client::Milliseconds patience{0};  ///< of a wait; 0: for ever
  uint64_t after = 0;                ///< a watch goes on there
  std::string path;                  ///< of a backup
};

/// Copies of a worker that are thought of: free, and named behind it.
struct AddedWorkers {
  uint32_t count = 0;
  std::string like;
};

/// What is asked of the planner.
struct PlanAsk {
  std::string problem;  ///< a file, or `-`
  std::string engine = "auto";
  client::Milliseconds budget{1'000};
  uint64_t seed = 1;

  uint64_t id = 0;  ///< of a server's plan; 0: the newest

  // Of a simulation.
  std::string swf;
  std::string out;
  std::string policy = "plan";
  std::string estimates = "requested";
  uint64_t skip = 0;
  uint64_t count = 0;  ///< 0: all
  uint64_t steps = 20'000;

  // Of what is supposed of the live server.
  std::vector<std::string> drained;
  std::vector<AddedWorkers> added;
  std::vector<std::string> job_files;
  client::Milliseconds assumed{60'000};
  std::string emit;  ///< print the problem instead: `pddl`
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
  JobAsk job;
  PlanAsk plan;
  client::Milliseconds interval{1'000};
  std::vector<std::string> kinds;  ///< of events
  uint32_t count = 0;              ///< of pings or events; 0: the command's own default
};

}  // namespace berth::cli
