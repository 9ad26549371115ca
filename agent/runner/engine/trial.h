#pragma once

#include <string>

#include "agent/runner/order.h"

namespace berth::agent {

/// With these an agent's trial of an engine begins and ends; it is a task of job 0.
///
/// `begin_trial` removes the containers that this agent's tasks left when they, their supervisor
/// and the machine were killed, and gives the engine the image of the trial: berth-task alone.
/// Empty: done.
std::string begin_trial(const Order& order);
void end_trial(const Order& order);

}  // namespace berth::agent
