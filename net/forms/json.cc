#include "net/forms/json.h"

#include "net/forms/times.h"

namespace berth::forms {

Json time_json(int64_t at_ms) {
  return at_ms == 0 ? Json(nullptr) : Json(format_time(at_ms));
}

Json explanation_json(const client::Explanation& explanation) {
  Json eliminated = Json::object();
  Json amounts = Json::object();
  for (const client::Elimination& each : explanation.eliminated) {
    eliminated[each.requirement] = each.workers;
    if (each.asked == 0) continue;
    amounts[each.requirement] = {{"asked", each.asked}, {"largest", each.largest}};
  }
  return {
      {"workers", explanation.workers},
      {"eligible", explanation.eligible},
      {"eliminated", eliminated},
      {"amounts", amounts},
      {"queue_position", explanation.queue_position},
  };
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace berth::forms
