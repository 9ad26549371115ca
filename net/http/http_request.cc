#include "net/http/http_request.h"

#include <array>

namespace berth::net {
namespace {

void empty(std::string& text) {
  text.clear();
  if (text.capacity() > HttpRequest::kKeptMax) std::string().swap(text);
}

}  // namespace

std::string_view http_method_name(HttpMethod method) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"};
  return kNames[static_cast<size_t>(method)];
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const Header& header : headers_) {
    if (header.name_bytes != name.size()) continue;
    const std::string_view head = head_;
    if (head.substr(header.name_at, header.name_bytes) == name) {
      return head.substr(header.value_at, header.value_bytes);
    }
  }
  return {};
}

void HttpRequest::clear() {
  method = HttpMethod::Get;
  version_1_1 = true;
  keep_alive = true;
  accepts_gzip = false;
  authority_ = {};
  query_.clear();
  headers_.clear();
  for (std::string* text : {&target_, &path_, &query_text_, &head_, &body_})
    empty(*text);
}

}  // namespace berth::net
