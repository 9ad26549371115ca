#pragma once

#include <memory>

#include "net/api/exchange.h"
#include "net/api/list_answer.h"
#include "net/client/answers.h"
#include "net/forms/json.h"

/// Asking for what the SDK has types and net/forms has JSON for.
namespace berth::net::v1 {

inline void answer_json(Exchange& exchange, const forms::Json& json, int status = 200) {
  exchange.json().raw(forms::to_text(json));
  exchange.answer(status);
}

/// With what else came than what was asked for.
inline void refuse_with(
    Exchange& exchange, const wire::Reply& reply, const client::Error& otherwise) {
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) return exchange.refuse(*refused);
  exchange.refuse({wire::Refusal::Unsupported, otherwise.message});
}

/// Asks; `then` gets the answer as the SDK has it. Whatever else comes is the answer to the client.
template <typename Owned, typename Taker>
void ask_for(Exchange& exchange, const wire::Request& request, Taker then) {
  exchange.ask(request, [&exchange, then](const wire::Reply& reply) {
    const client::Result<Owned> answer = client::answer_from<Owned>(reply);
    if (answer) return then(*answer);
    refuse_with(exchange, reply, answer.error());
  });
}

/// The same for the next piece of a list, which `listing->answer` sends: without it, what was
/// sent is cut short.
template <typename Owned, typename Listing, typename Taker>
void ask_piece(const std::shared_ptr<Listing>& listing, const wire::Request& request, Taker then) {
  listing->answer.exchange.ask(request, [listing, then](const wire::Reply& reply) {
    const client::Result<Owned> piece = client::answer_from<Owned>(reply);
    if (piece) return then(listing, *piece);
    if (!listing->answer.cut()) refuse_with(listing->answer.exchange, reply, piece.error());
  });
}

}  // namespace berth::net::v1
