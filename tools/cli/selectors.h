#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/client/client.h"

namespace berth::cli {

/// How people name jobs: `12`, `10-20`, `last` (what was last submitted from here), or a job's name
/// or its beginning.
struct Selector {
  enum class Kind : uint8_t { Range, Last, Name };
  Kind kind = Kind::Range;
  client::JobRange range;
  std::string name;
};

/// nullopt: it is nothing of this, such as `20-10` or nothing at all.
std::optional<Selector> parse_selector(std::string_view word);

/// The jobs that `words` name; `server` is as the user wrote it. Errors name the word: not found,
/// bad_argument, or conflict where a name says too little.
client::Result<std::vector<client::JobRange>> find_jobs(
    client::BlockingClient& berth,
    const std::string& server,
    const std::vector<std::string>& words);

/// The same for a command that takes one job alone.
client::Result<client::JobId> find_job(
    client::BlockingClient& berth, const std::string& server, const std::string& word);

/// The whole array around one of its elements; a single job is its own.
client::Result<client::JobRange> whole_array(
    client::BlockingClient& berth, const client::JobStatus& job);

/// `12`, `10-20`.
std::string range_text(const client::JobRange& range);

// What `last` means: a line for each server in `$XDG_STATE_HOME/berth/last` (default
// ~/.local/state), written whole or not at all.

/// Remembers it. A file that cannot be written is no failure of the submit: nothing is said.
void remember_submit(const std::string& server, const std::vector<client::JobRange>& jobs);
std::vector<client::JobRange> recall_submit(const std::string& server);

}  // namespace berth::cli
