#pragma once

#include <string>

#include "wire/messages.h"

namespace berth::loadgen {

/// A reply in words, for the sentence that reports an error: `refused (busy): the queue is full`.
std::string describe(const wire::Reply& reply);
std::string describe(wire::Refusal code, wire::Text message);

}  // namespace berth::loadgen
