#include "net/http/http_budget.h"

#include <algorithm>

namespace berth::net {

bool HttpShare::grow(std::string& text, size_t bytes) {
  const size_t wanted = text.size() + bytes;
  if (wanted <= text.capacity()) return true;
  const size_t room = std::max(wanted, 2 * text.capacity());  // as it would grow by itself
  const size_t counted = room - std::min(room, HttpBudget::kOwnBytes);
  if (budget_ != nullptr && budget_->bytes - counted_ + counted > budget_->bytes_max) {
    return false;
  }
  count(counted);
  text.reserve(room);
  return true;
}

void HttpShare::give_back(std::string& text, size_t kept_max) {
  text.clear();
  if (text.capacity() <= kept_max) return;
  std::string().swap(text);
  count(0);
}

void HttpShare::count(size_t bytes) {
  if (budget_ != nullptr) budget_->bytes = budget_->bytes - counted_ + bytes;
  counted_ = bytes;
}

}  // namespace berth::net
