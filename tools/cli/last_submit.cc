#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/cli/selectors.h"

// What `last` means.

namespace berth::cli {
namespace {

namespace fs = std::filesystem;

// Servers remembered; the oldest goes first.
constexpr size_t kServersMax = 32;

fs::path last_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return fs::path(state) / "berth" / "last";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return {};
  return fs::path(home) / ".local" / "state" / "berth" / "last";
}

// `HOST:PORT 12 14-20`
std::vector<std::string> read_lines(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; lines.size() < kServersMax && std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

bool is_of(const std::string& line, const std::string& server) {
  return line.starts_with(server + " ");
}

}  // namespace

void remember_submit(const std::string& server, const std::vector<client::JobRange>& jobs) {
  const fs::path path = last_path();
  if (path.empty()) return;
  std::string mine = server;
  // Neighbours become one range: 100,000 jobs of one file are one word.
  for (size_t i = 0; i < jobs.size();) {
    client::JobRange range = jobs[i];
    for (++i; i < jobs.size() && jobs[i].first == range.last + 1; ++i)
      range.last = jobs[i].last;
    mine += " " + range_text(range);
  }
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  const fs::path draft = path.string() + "." + std::to_string(getpid());
  {
    std::ofstream file(draft);
    file << mine << "\n";
    for (const std::string& line : read_lines(path)) {
      if (!is_of(line, server)) file << line << "\n";
    }
    failed = file.good() ? std::error_code() : std::make_error_code(std::errc::io_error);
  }
  if (!failed) fs::rename(draft, path, failed);
  std::error_code ignored;
  if (failed) fs::remove(draft, ignored);
}

std::vector<client::JobRange> recall_submit(const std::string& server) {
  std::vector<client::JobRange> jobs;
  for (const std::string& line : read_lines(last_path())) {
    if (!is_of(line, server)) continue;
    std::istringstream words(line.substr(server.size()));
    for (std::string word; words >> word;) {
      const std::optional<Selector> selector = parse_selector(word);
      if (selector && selector->kind == Selector::Kind::Range) jobs.push_back(selector->range);
    }
    break;
  }
  return jobs;
}

}  // namespace berth::cli
