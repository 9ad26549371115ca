#include "agent/runner/engine/trial.h"

#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/runner/engine/api.h"
#include "agent/runner/engine/container.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

using nlohmann::json;

namespace {

constexpr size_t kTarBlock = 512;

/// An archive of one program, `/true`.
std::string tar_of(const std::string& program) {
  std::array<char, kTarBlock> header{};
  auto put = [&header](size_t at, const std::string& text) {
    text.copy(header.data() + at, text.size());
  };
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", program.size());
  put(0, "true");
  put(100, "0000755");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");  // the checksum counts as blanks
  put(156, "0");
  put(257, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (char c : header)
    sum += static_cast<unsigned char>(c);
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  put(148, std::string(checksum, 7) + " ");
  std::string archive(header.data(), header.size());
  archive += program;
  archive.resize((archive.size() + kTarBlock - 1) / kTarBlock * kTarBlock + 2 * kTarBlock);
  return archive;
}

/// Of a task that is over, or of one that was never here.
bool is_left(const Order& order, const std::string& task) {
  std::string directory = order.state_dir + "/tasks/" + task;
  bool there = access((directory + "/order").c_str(), F_OK) == 0;
  bool over = access((directory + "/result").c_str(), F_OK) == 0 ||
              access((directory + "/settled").c_str(), F_OK) == 0;
  return !there || over;
}

void remove_left(const Order& order) {
  json filter = {{"label", {std::string(kOwnerLabel) + "=" + order.engine_owner}}};
  std::string list = "/containers/json?all=1&filters=" + quoted(filter.dump());
  Answer answer = ask(order.engine_socket, "GET", list);
  json containers = json::parse(answer.body, nullptr, false);
  if (!answer.ok() || !containers.is_array()) return;
  for (const json& each : containers) {
    json::json_pointer label(std::string("/Labels/") + kTaskLabel);
    std::string task = each.value(label, std::string());
    std::string id = each.value("Id", std::string());
    if (!id.empty() && is_left(order, task))
      (void)ask(order.engine_socket, "DELETE", "/containers/" + id + "?force=1");  // tried again
  }
}

}  // namespace

std::string begin_trial(const Order& order) {
  remove_left(order);
  std::string path = order.state_dir + "/tasks/.probe-image/true";
  std::optional<std::string> program = read_file_at(AT_FDCWD, path.c_str());
  if (!program) return "cannot read " + path + ": " + error_text(errno);
  size_t colon = order.image.find(':');
  std::string target = "/images/create?fromSrc=-&repo=" + quoted(order.image.substr(0, colon)) +
                       "&tag=" + quoted(order.image.substr(colon + 1));
  Request request(order.engine_socket, 10'000);
  request.send("POST", target, tar_of(*program), "application/x-tar");
  Answer answer = request.answer();
  if (answer.ok()) return {};
  return "the engine at " + order.engine_socket +
         " does not take an image to try: " + answer.complaint();
}

void end_trial(const Order& order) {
  // One that is left is replaced by the next trial.
  (void)ask(order.engine_socket, "DELETE", "/images/" + quoted(order.image));
}

}  // namespace berth::agent
