#include "net/api/scrapes.h"

namespace berth::net {

void Scrapes::add(Exchange& exchange) {
  waiting_.push_back(&exchange);
  exchange.when_gone([this, &exchange] { std::erase(waiting_, &exchange); });
}

void Scrapes::on_turn_end(core::Now now) {
  if (waiting_.empty() || now.mono < due()) return;
  made_at_ = now.mono;
  HttpResponse response;
  response.content_type = kMetricsType;
  response.body = page_.render(now);
  zipped_ = {};
  turn_.clear();
  turn_.swap(waiting_);
  for (Exchange* exchange : turn_) {
    response.gzip = exchange->request().accepts_gzip ? zipped(response.body) : std::string_view();
    exchange->answer(response);
  }
}

std::string_view Scrapes::zipped(std::string_view text) {
  if (!zipped_.empty()) return zipped_;
  gzip_.begin();
  return zipped_ = gzip_.end(text);
}

}  // namespace berth::net
