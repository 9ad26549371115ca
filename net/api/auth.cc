#include "net/api/auth.h"

#include <arpa/inet.h>

#include <algorithm>

namespace berth::net {
namespace {

bool refuse(
    Problem& problem, int status, std::string_view code, std::string detail, std::string hint) {
  problem = Problem{};
  problem.status = status;
  problem.code = code;
  problem.detail = std::move(detail);
  problem.hint = std::move(hint);
  return false;
}

// Looks at every byte of what was sent, whatever it is; only the secret's length can be told.
bool same_secret(std::string_view sent, std::string_view secret) {
  unsigned difference = sent.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < sent.size(); ++i) {
    const char wanted = secret[i % secret.size()];
    difference |= static_cast<unsigned char>(sent[i] ^ wanted);
  }
  return difference == 0;
}

bool is_loopback(const std::string& host) {
  in_addr four = {};
  in6_addr six = {};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_address(const std::string& host) {
  in6_addr any = {};
  return inet_pton(AF_INET, host.c_str(), &any) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

bool changes(HttpMethod method) {
  return method != HttpMethod::Get && method != HttpMethod::Head && method != HttpMethod::Options;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
  return result;
}

std::string_view bearer_of(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size() || lower(header.substr(0, kScheme.size())) != kScheme)
    return {};
  header.remove_prefix(kScheme.size());
  while (header.starts_with(' '))
    header.remove_prefix(1);
  return header;
}

}  // namespace

std::string host_name_of(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    return end == host.npos ? std::string() : lower(host.substr(1, end - 1));
  }
  std::string_view name = host.substr(0, host.find(':'));
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower(name);
}

Doorman::Doorman(AccessRules rules)
    : rules_([&] {
        AccessRules known = std::move(rules);
        for (std::string& host : known.hosts)
          host = host_name_of(host);
        return known;
      }()),
      any_address_(rules_.bound_host == "0.0.0.0" || rules_.bound_host == "::") {}

// A name has to be known, for somebody else may make any name lead here. An address cannot.
bool Doorman::knows_host(std::string_view header) const {
  const std::string host = host_name_of(header);
  if (host == "localhost" || host == rules_.bound_host || is_loopback(host)) return true;
  if (any_address_ && is_address(host)) return true;
  return std::find(rules_.hosts.begin(), rules_.hosts.end(), host) != rules_.hosts.end();
}

bool Doorman::knows_secret(const HttpRequest& request) const {
  if (rules_.token.empty()) return true;
  const bool bearer = same_secret(bearer_of(request.header("authorization")), rules_.token);
  const bool token = same_secret(request.header("x-api-token"), rules_.token);
  return bearer || token;
}

bool Doorman::admit(const HttpRequest& request, bool open_to_all, Problem& problem) const {
  // HTTP/1.0 may leave it out, and no browser does.
  const std::string_view host = request.host();
  if (!host.empty() && !knows_host(host)) {
    return refuse(
        problem,
        421,
        "misdirected",
        "this server is not known as '" + std::string(host) + "'",
        "ask for it by its address, or start it with --http-host " + host_name_of(host));
  }
  const std::string_view origin = request.header("origin");
  if (changes(request.method) && !origin.empty()) {
    const size_t slashes = origin.find("://");
    const bool ours = slashes != origin.npos && lower(origin.substr(slashes + 3)) == lower(host);
    if (!ours) {
      return refuse(
          problem,
          403,
          "denied",
          "a page of '" + std::string(origin) + "' may not change anything here",
          "send the request from a program, or from a page of this server");
    }
  }
  if (open_to_all || knows_secret(request)) return true;
  return refuse(
      problem,
      401,
      "denied",
      "wrong or missing token",
      "send 'Authorization: Bearer TOKEN' with the secret of the server's --token-file");
}

}  // namespace berth::net
