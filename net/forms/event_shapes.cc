#include "net/forms/event_shapes.h"

#include "net/forms/job_shapes.h"
#include "net/forms/times.h"

namespace berth::forms {

Json event_json(const client::Event& event) {
  if (event.gap) return {{"gap", true}};
  Json json = {
      {"gap", false},
      {"sequence", event.sequence},
      {"at", format_time(event.at_ms)},
      {"kind", client::kind_token(event.kind)},
  };
  switch (event.kind) {
    case client::EventKind::Job: json.update(job_event_json(event)); break;
    case client::EventKind::Worker:
      json["worker_id"] = event.worker;
      json["change"] = client::change_token(event.worker_change);
      json["reason"] = event.reason.empty() ? Json(nullptr) : Json(event.reason);
      break;
    case client::EventKind::Plan:
      json["plan_id"] = event.plan;
      json["of"] = event.plan_of;
      if (event.plan_of == "requests") {
        json["placed"] = event.count;
        break;
      }
      json["outcome"] = event.plan_outcome;
      json["cause"] = event.plan_cause;
      json["planned"] = event.count;
      json["moved"] = event.moved;
      json["reason"] = event.reason.empty() ? Json(nullptr) : Json(event.reason);
      break;
    case client::EventKind::Server:
      json["change"] = client::server_change_token(event.server_change);
      break;
  }
  return json;
}

}  // namespace berth::forms
