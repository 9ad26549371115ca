#include "tools/cli/swf.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace berth::cli {

namespace {

// The columns of the format that are read, from 0.
enum Column : size_t {
  kId = 0,
  kSubmit = 1,
  kRun = 3,
  kAllocated = 4,
  kRequestedProcessors = 7,
  kRequestedTime = 8,
  kUser = 11,
  kProgram = 13,
  kQueue = 14,
  kColumns = 18,
};

// Times in seconds and processors: sums over a log in microseconds and millionths stay numbers.
constexpr double kNumberMax = 1e9;

/// `; MaxProcs: 256`: the machine.
int64_t header_number(std::string_view line, std::string_view name) {
  const size_t at = line.find(name);
  if (at == std::string_view::npos) return 0;
  return std::atoll(std::string(line.substr(at + name.size())).c_str());
}

bool read_numbers(const std::string& line, std::array<double, kColumns>& numbers) {
  const char* at = line.c_str();
  for (double& number : numbers) {
    char* end = nullptr;
    number = std::strtod(at, &end);
    if (end == at || !(std::abs(number) < kNumberMax)) return false;
    at = end;
  }
  return true;
}

/// Of the columns that are read the first that is below 0 and not -1, which means unknown; and its
/// name. No name: there is none.
std::pair<Column, const char*> below_nothing(const std::array<double, kColumns>& numbers) {
  constexpr std::pair<Column, const char*> kRead[] = {
      {kId, "job number"},
      {kSubmit, "submit time"},
      {kRun, "run time"},
      {kAllocated, "number of processors"},
      {kRequestedProcessors, "number of requested processors"},
      {kRequestedTime, "requested time"},
      {kUser, "user"},
      {kProgram, "program"},
      {kQueue, "queue"},
  };
  for (const auto& [column, name] : kRead) {
    if (numbers[column] < 0 && numbers[column] != -1) return {column, name};
  }
  return {kId, nullptr};
}

std::string name_of(double number) {
  return number < 0 ? std::string() : std::to_string(static_cast<int64_t>(number));
}

LoggedJob job_of(const std::array<double, kColumns>& numbers) {
  const auto whole = [&](Column column) {
    return std::max<int64_t>(0, static_cast<int64_t>(numbers[column]));
  };
  LoggedJob job;
  job.id = whole(kId);
  job.submit_s = whole(kSubmit);
  job.run_s = whole(kRun);
  job.processors = numbers[kAllocated] > 0 ? whole(kAllocated) : whole(kRequestedProcessors);
  job.requested_s = whole(kRequestedTime);
  job.user = name_of(numbers[kUser]);
  job.program = name_of(numbers[kProgram]);
  job.queue = name_of(numbers[kQueue]);
  return job;
}

}  // namespace

bool read_swf(std::string_view text, WorkloadLog& log, std::string& fault) {
  int64_t nodes = 0;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    if (line[first] == ';') {
      if (const int64_t found = header_number(line, "MaxProcs:")) log.processors = found;
      if (const int64_t found = header_number(line, "MaxNodes:")) nodes = found;
      continue;
    }
    std::array<double, kColumns> numbers{};
    if (!read_numbers(line, numbers)) {
      fault = "line " + std::to_string(number) +
              " has no 18 numbers from -1 to 1000000000: is this a Standard Workload Format log?";
      return false;
    }
    if (const auto [column, name] = below_nothing(numbers); name != nullptr) {
      fault = "line " + std::to_string(number) + ": its " + name + " is " +
              std::to_string(static_cast<int64_t>(numbers[column])) +
              "; a number from 0, or -1 where it is not known, was expected";
      return false;
    }
    LoggedJob job = job_of(numbers);
    if (job.run_s > 0 && job.processors > 0) log.jobs.push_back(std::move(job));
  }
  if (log.processors <= 0) log.processors = nodes;
  if (log.processors > static_cast<int64_t>(kNumberMax)) {
    fault = "its header says " + std::to_string(log.processors) +
            " processors: at most 1000000000 can be replayed";
    return false;
  }
  if (log.processors <= 0) {
    fault = "no header says how many processors there are: add a line '; MaxProcs: N'";
    return false;
  }
  std::stable_sort(log.jobs.begin(), log.jobs.end(), [](const LoggedJob& a, const LoggedJob& b) {
    return a.id < b.id;
  });
  const auto twice = std::ranges::adjacent_find(log.jobs, {}, &LoggedJob::id);
  if (twice == log.jobs.end()) return true;
  fault = "two jobs that ran have the number " + std::to_string(twice->id) +
          ": give each its own, and leave out the lines of parts of a job (status 2 to 4)";
  return false;
}

}  // namespace berth::cli
