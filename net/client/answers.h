#pragma once

#include "net/client/client.h"
#include "wire/messages.h"

namespace berth::client {

/// A reply as the owned value that was asked for: the value, the refusal as an Error, or
/// `protocol` when the server answered something else.
template <typename T>
Result<T> answer_from(const wire::Reply& reply);

WorkerEvent event_from(const wire::WorkerEvent& event);

/// What the server refused, as an Error.
Error refused_error(wire::Refusal code, wire::Text message);

}  // namespace berth::client
