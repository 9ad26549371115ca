// What a program of yours does with Berth: asks where its tasks should run. Part of tools/demo.
//
//   berth-demo-client HOST:PORT
//
// Writes a line for each task: its name, who placed it, what it asked for, the worker, or why none.

#include <cstdio>
#include <string>
#include <vector>

#include "net/client/client.h"

namespace {

using namespace berth;

struct Task {
  const char* asked_for;
  client::PlaceRequest request;
};

std::string why_not(const client::Error& error) {
  if (error.code != client::ErrorCode::CannotBePlaced) return error.message;
  std::string text = "nobody fits; ruled out: ";
  for (const client::Elimination& e : error.explanation.eliminated) {
    if (text.back() != ' ') text += ", ";
    text += std::to_string(e.workers) + " by " + e.requirement;
  }
  return text;
}

std::vector<Task> tasks() {
  std::vector<Task> tasks;
  client::PlaceRequest request;
  request.hold = client::Milliseconds(60'000);

  request.task = "render";
  request.all_tags = {"cpu"};
  request.demand.cpu_milli = 200;
  tasks.push_back({"all_tags cpu, cpu 0.2", request});

  request.task = "report";
  request.all_tags = {};
  request.affinity = {{"zone", "a"}};
  tasks.push_back({"affinity zone=a, cpu 0.2", request});

  request.task = "train-3";
  request.affinity = {};
  request.any_tags = {{"A100", "H100"}};
  tasks.push_back({"any_tags A100|H100, cpu 0.2", request});
  return tasks;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: berth-demo-client HOST:PORT\n");
    return 2;
  }
  client::Options options;
  options.endpoints = {argv[1]};
  options.identity = "berth-demo-client";
  auto berth = client::BlockingClient::create(options);
  if (!berth.ok()) {
    std::fprintf(stderr, "berth-demo-client: %s\n", berth.error().message.c_str());
    return 1;
  }

  for (const Task& task : tasks()) {
    client::Result<client::Placement> placed = (*berth)->place(task.request);
    std::printf(
        "%s\tSDK\t%s\t%s\t%s\n",
        task.request.task.c_str(),
        task.asked_for,
        placed.ok() ? placed->worker.c_str() : "-",
        placed.ok() ? "" : why_not(placed.error()).c_str());
    std::fflush(stdout);
  }
  return 0;
}
