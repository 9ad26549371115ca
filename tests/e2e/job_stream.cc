// A stream of short jobs for the chaos test, through the SDK, and what the server says became of
// them.
//
//   job_stream '{"do": "submit", "server": …, "name": …, "seed": 1, "seconds": 60, "per_s": 20,
//                "evidence": FILE}'
// prints a line for every submit that was acknowledged:
//   {"request": …, "jobs": [{"job", "kind", "attempts_max", "after"}…]}
//
//   job_stream '{"do": "dump", "server": …}'
// prints a line for every job of the server, with its attempts.
//
// A submit is repeated under its request id until it is answered, for as long as that takes: what
// has not been printed was not acknowledged.

#include <chrono>
#include <cstdio>
#include <exception>
#include <future>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "net/client/client.h"

namespace {

using namespace berth::client;
using nlohmann::json;
using std::chrono::steady_clock;

constexpr Milliseconds kPatience{2'000};
constexpr auto kGiveUpAfter = std::chrono::minutes(5);  // of a server that does not come back

/// Appends one line in one write, so that no two attempts can mix theirs.
std::string noted(const std::string& evidence, const std::string& then) {
  return "echo \"$BERTH_JOB_ID $BERTH_ATTEMPT\" >>" + evidence + "; " + then;
}

struct Kind {
  const char* name;
  const char* script;  ///< after the evidence
  uint32_t attempts_max;
};

constexpr Kind kKinds[] = {
    {"quick", "true", 12},
    {"quick", "true", 12},
    {"short", "sleep 0.1", 12},
    {"long", "sleep 0.7", 12},
    {"flaky", "test $BERTH_ATTEMPT -ge 3", 12},
    {"failing", "exit 3", 2},
    {"once", "sleep 0.05", 1},
    {"forking", "setsid sleep 600 & sleep 0.02", 12},
    {"deaf", "trap '' TERM; sleep 0.3", 12},
    {"loud", "head -c 300000 /dev/zero", 12},
};

class Submitter {
 public:
  Submitter(const json& order, BlockingClient& client)
      : client_(client),
        name_(order["name"]),
        evidence_(order["evidence"]),
        random_(order["seed"].get<uint64_t>()) {}

  void submit_one(int number) {
    SubmitRequest request;
    request.request = name_ + "-" + std::to_string(number);
    json jobs = json::array();
    for (uint32_t left = 1 + below(4); left > 0; --left)
      add(request, jobs);
    const SubmitResult given = until_answered(request);
    for (size_t i = 0; i < jobs.size(); ++i)
      name(jobs[i], given, i);
    std::cout << json{{"request", request.request}, {"jobs", jobs}}.dump() << std::endl;
    known_ = given.jobs.front().first;
    if (below(8) == 0) expect_the_same(given, until_answered(request));
  }

 private:
  uint32_t below(uint32_t end) { return static_cast<uint32_t>(random_() % end); }

  /// Sometimes an array; sometimes after the job before it in this submit, or one of the last.
  void add(SubmitRequest& request, json& jobs) {
    const Kind& kind = kKinds[below(std::size(kKinds))];
    JobSpec job;
    job.name = kind.name;
    job.command = {"/bin/sh", "-c", noted(evidence_, kind.script)};
    job.attempts_max = kind.attempts_max;
    job.retry_base = Milliseconds(20);
    job.retry_cap = Milliseconds(500);
    job.kill_grace = Milliseconds(200);
    json after = json::array();
    if (below(12) == 0) job.array = ArrayIndexes{1, 1 + below(5)};
    if (below(10) == 0 && !request.jobs.empty()) {
      job.depends_on_items = {static_cast<uint32_t>(request.jobs.size() - 1)};
      after.push_back({{"item", request.jobs.size() - 1}});
    } else if (below(10) == 0 && known_ != 0) {
      job.depends_on = {known_};
      after.push_back({{"job", known_}});
    }
    jobs.push_back({{"kind", kind.name}, {"attempts_max", kind.attempts_max}, {"after", after}});
    request.jobs.push_back(std::move(job));
  }

  SubmitResult until_answered(const SubmitRequest& request) {
    const auto end = steady_clock::now() + kGiveUpAfter;
    while (true) {
      Result<SubmitResult> answer = client_.submit(request, kPatience);
      if (answer.ok()) return answer.value();
      const Error& error = answer.error();
      const bool wait =
          error.code == ErrorCode::Unreachable || error.code == ErrorCode::TimedOut ||
          (error.code == ErrorCode::Refused &&
           (error.refusal == Refusal::Busy || error.refusal == Refusal::ShuttingDown));
      if (!wait || steady_clock::now() > end) {
        throw std::runtime_error("submit " + request.request + ": " + error.message);
      }
    }
  }

  static void name(json& job, const SubmitResult& given, size_t item) {
    job["job"] = given.jobs.at(item).first;
    job["count"] = given.jobs[item].count;
    for (json& one : job["after"]) {
      if (one.contains("item")) one["job"] = given.jobs[one["item"].get<size_t>()].first;
    }
  }

  static void expect_the_same(const SubmitResult& first, const SubmitResult& again) {
    bool same = again.repeated && first.jobs.size() == again.jobs.size();
    for (size_t i = 0; same && i < first.jobs.size(); ++i) {
      same =
          first.jobs[i].first == again.jobs[i].first && first.jobs[i].count == again.jobs[i].count;
    }
    if (!same) throw std::runtime_error("a repeated submit got another answer");
  }

  BlockingClient& client_;
  const std::string name_;
  const std::string evidence_;
  std::mt19937_64 random_;
  JobId known_ = 0;
};

void submit(const json& order, BlockingClient& client) {
  Submitter submitter(order, client);
  const auto begin = steady_clock::now();
  const auto end = begin + std::chrono::seconds(order["seconds"].get<int>());
  const std::chrono::nanoseconds pace(1'000'000'000 / order["per_s"].get<int>());
  auto due = begin;
  for (int number = 1; due < end; ++number, due += pace) {
    std::this_thread::sleep_until(due);
    submitter.submit_one(number);
    if (steady_clock::now() > end) break;
  }
}

json attempt_json(const Attempt& attempt) {
  return {
      {"attempt", attempt.assignment.attempt},
      {"assignment", to_text(attempt.assignment)},
      {"worker", attempt.worker},
      {"state", state_token(attempt.state)},
      {"error", error_class_token(attempt.error.kind)},
      {"message", attempt.error.message}};
}

json job_json(const JobDetails& details) {
  json attempts = json::array();
  for (const Attempt& attempt : details.attempts)
    attempts.push_back(attempt_json(attempt));
  const JobStatus& job = details.job;
  return {
      {"job", job.id},
      {"state", state_token(job.state)},
      {"attempt_count", job.attempt_count},
      {"attempts_max", job.attempts_max},
      {"error", error_class_token(job.last_error.kind)},
      {"message", job.last_error.message},
      {"attempts", attempts}};
}

template <typename T>
T value_of(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

/// A page of jobs, and all that there is about each of them, asked for at once.
void dump(BlockingClient& client) {
  JobFilter filter;
  do {
    JobPage page = value_of(client.list_jobs(filter));
    std::vector<std::future<Result<JobDetails>>> answers;
    for (const JobStatus& job : page.jobs) {
      for (uint32_t i = 0; i < job.array_count; ++i)
        answers.push_back(client.async().show_job(job.id + i));
    }
    for (auto& answer : answers)
      std::cout << job_json(value_of(answer.get())).dump() << "\n";
    filter.cursor = page.next_cursor;
  } while (filter.cursor != 0);
}

void carry_out(const json& order) {
  Options options;
  options.endpoints = {order["server"].get<std::string>()};
  options.silence_max = kPatience;
  options.backoff_max = Milliseconds(200);
  std::unique_ptr<BlockingClient> client = value_of(BlockingClient::create(std::move(options)));
  if (order["do"] == "submit") {
    submit(order, *client);
  } else {
    dump(*client);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: job_stream JSON; the head of job_stream.cc says what\n");
    return 2;
  }
  try {
    carry_out(json::parse(argv[1]));
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "job_stream: %s\n", problem.what());
    return 1;
  }
  return 0;
}
