#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/client/job_types.h"

namespace berth::forms {

/// A job as somebody writes it: names of other jobs are not numbers yet.
struct JobDraft {
  client::JobSpec spec;
  std::vector<std::string> after;  ///< ids, or names of jobs of the same file
  bool may_read_files = true;      ///< its author is here, and means files of this machine
  /// Of `at` and `deadline` written as `+1h`: other times in `spec` whenever they are read.
  std::optional<int64_t> at_ahead_ms;
  std::optional<int64_t> deadline_ahead_ms;
};

/// One thing that can be said about a job. Its one name serves as flag `--retry-base` of `run` and
/// `submit` and as key `retry_base` of a job file, so that the two cannot differ.
struct JobField {
  enum class Kind : uint8_t {
    Value,   ///< once
    List,    ///< flag: again and again; key: a list, or one value
    Table,   ///< flag: KEY=VALUE again and again; key: a table
    Switch,  ///< flag: without a value; key: true or false
  };

  std::string name;  ///< as a flag, without the dashes
  Kind kind = Kind::Value;
  std::string value;  ///< what stands for the value in the help; `FILE` completes files
  std::string help;
  bool key_only = false;
  bool reads_file = false;  ///< of this machine: not for what comes from afar
  std::vector<std::string> choices;
  /// Takes one value. Returns what is wrong with it ("'x' is not …"), or nothing.
  std::function<std::string(JobDraft& draft, const std::string& text)> set;
};

/// All of them, in the order of the help; `command` is not among them: it is what follows `--`.
const std::vector<JobField>& job_fields();

/// `retry-base` to `retry_base`.
std::string field_key(std::string_view name);

/// The whole of a file, or of stdin for `-`. False: `problem` is one sentence.
bool read_whole_file(const std::string& path, std::string& text, std::string& problem);

}  // namespace berth::forms
