#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "agent/runner/order.h"

namespace berth::agent {

/// What engines call the container of this task: agents of one machine share the engine.
std::string engine_container_name(const Order& order);

/// The body of a request that makes the container: the image's files, environment and command, and
/// nothing else of it; user, mounts, limits and privileges come from the order, as with runc.
nlohmann::json make_container(const Order& order);

/// Labels by which an agent finds the containers it made.
inline constexpr const char* kOwnerLabel = "berth.owner";
inline constexpr const char* kTaskLabel = "berth.task";

}  // namespace berth::agent
