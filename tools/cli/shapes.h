#pragma once

#include <string>

#include "net/client/types.h"
#include "net/forms/json.h"

/// Every JSON shape of the command line. Scripts rely on them: keys are added, never changed.
///
/// Units    in the name of the key; times in seconds
namespace berth::cli {

using namespace forms;  // what the HTTP API writes in the same way

Json placement_json(const client::Placement& placement, bool explain);
Json worker_json(const client::Worker& worker);
Json stats_json(const std::vector<client::Stat>& stats);
Json tags_json(const std::vector<client::TagCount>& tags);
Json event_json(const client::WorkerEvent& event);
/// `{"error": token, "message": sentence}`, and the explanation where there is one.
Json error_json(const client::Error& error);

/// One line. What is not UTF-8 is replaced, never an exception.
std::string to_line(const Json& json);

}  // namespace berth::cli
