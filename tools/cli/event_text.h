#pragma once

#include <string>

#include "net/client/client.h"

namespace berth::cli {

/// A line for people.
std::string event_text(const client::Event& event);
std::string event_text(const client::WorkerEvent& event);

}  // namespace berth::cli
