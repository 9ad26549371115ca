#pragma once

#include <span>
#include <string>
#include <vector>

#include "net/client/client.h"
#include "wire/messages.h"

namespace berth::client {

/// A reply as the owned value that was asked for: the value, the refusal as an Error, or
/// `protocol` when the server answered something else.
template <typename T>
Result<T> answer_from(const wire::Reply& reply);

Event event_from(const wire::JobEvent& event);

/// What the server refused, as an Error.
Error refused_error(wire::Refusal code, wire::Text message);

/// Why this reply is not what was asked for: refused, or another kind of message.
Error unexpected_error(const wire::Reply& reply);

// The parts of several answers.
Explanation owned(const wire::Explanation& from);
std::vector<std::string> owned(wire::TextList from);
std::vector<Label> owned(std::span<const wire::Label> from);
std::vector<NamedAmount> owned(std::span<const wire::NamedAmount> from);

}  // namespace berth::client
