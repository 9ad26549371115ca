#include "net/api/list_answer.h"

#include <utility>

namespace berth::net {

void ListAnswer::go_on(std::function<void()> next) {
  if (!std::exchange(begun_, true)) exchange.begin({.content_type = kJsonType});
  exchange.write(json.take());
  exchange.go_on(std::move(next));
}

void ListAnswer::finish() {
  if (!begun_) return exchange.answer({.content_type = kJsonType, .body = json.text()});
  exchange.write(json.text());
  exchange.end();
}

bool ListAnswer::cut() {
  if (begun_) exchange.end();
  return begun_;
}

}  // namespace berth::net
