#pragma once

#include <cstdint>
#include <string>

#include "agent/runner/record.h"
#include "agent/runner/small_file.h"
#include "wire/job_messages.h"

/// What the programs that bring a task to life tell its supervisor, through pipes.
namespace berth::agent {

/// What comes through `TaskChild::verdict` when the task was not executed, or is another process.
struct Verdict {
  wire::ErrorClass error = wire::ErrorClass::None;  ///< why the task could not be executed
  int pid = 0;                                      ///< container: the task, to be watched instead
  std::string message;
};

/// What comes through `TaskChild::status` from berth-engine, at its end.
struct EngineReport {
  int32_t exit_code = 0;  ///< as engines say it: 128 and the number of a signal
  bool oom_killed = false;
  uint64_t cpu_ms = 0;             ///< 0: it ended before the engine was asked
  uint64_t memory_peak_bytes = 0;  ///< the same
  std::string problem;             ///< not empty: how it ended is not known, and why
};

template <typename Archive>
void fields(Archive& archive, Verdict& verdict) {
  archive(verdict.error);
  archive(verdict.pid);
  archive(verdict.message);
}

template <typename Archive>
void fields(Archive& archive, EngineReport& report) {
  archive(report.exit_code);
  archive(report.oom_killed);
  archive(report.cpu_ms);
  archive(report.memory_peak_bytes);
  archive(report.problem);
}

template <typename Told>
void write_told(int pipe, Told told) {
  Packer packer;
  fields(packer, told);
  (void)write_all(pipe, packer.bytes);  // nobody to tell but its reader
}

/// False: cut short, as when its writer was killed.
template <typename Told>
bool parse_told(const std::string& bytes, Told& told) {
  Unpacker unpacker(bytes);
  fields(unpacker, told);
  return unpacker.complete();
}

}  // namespace berth::agent
