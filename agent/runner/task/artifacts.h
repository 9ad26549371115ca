#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/runner/runner.h"

namespace berth::agent {

/// Keeps `paths` of the task's directory as `artifacts/N`, hashed, and appends them to `outputs`.
/// Returns what could not be kept, and why, as sentences; empty: all were.
///
/// A path may not leave the directory, by `..` or by a symbolic link; only files are kept.
std::string keep_artifacts(
    int task_directory,
    const std::string& task_path,
    const std::vector<std::string>& paths,
    uint64_t bytes_max,
    std::vector<TaskOutput>& outputs);

/// `stdout` or `stderr` as a supervisor that was killed left it: named, and hashed now.
void keep_stream(
    int task_directory,
    const std::string& task_path,
    const std::string& name,
    std::vector<TaskOutput>& outputs);

/// Gives up to `bytes` at the end of `stdout` or `stderr` back to a disk that is full. False: there
/// were none.
bool cut_stream(int task_directory, TaskOutput& output, uint64_t bytes);

}  // namespace berth::agent
