#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/api/problem.h"
#include "net/http/http_request.h"

namespace berth::net {

/// Who may ask over HTTP.
struct AccessRules {
  std::string token;               ///< empty: none is asked for
  std::string bound_host;          ///< what the port is bound to: `127.0.0.1`, `::`, `10.0.0.7`
  std::vector<std::string> hosts;  ///< further names that clients know the server by
};

/// Lets requests in, or says why not.
///
/// A browser sends what pages of other sites make it send, from inside the network: so the name
/// that the request is for must be one of ours (DNS rebinding), and nothing that changes anything
/// may come from a page that is not. A secret is compared in a time that does not tell how much of
/// it was right.
///
/// Threads  any
class Doorman {
 public:
  explicit Doorman(AccessRules rules);

  /// False: `problem` is 401, 403 or 421. `open_to_all`: no token is needed for this one.
  bool admit(const HttpRequest& request, bool open_to_all, Problem& problem) const;

 private:
  bool knows_host(std::string_view host) const;
  bool knows_secret(const HttpRequest& request) const;

  const AccessRules rules_;
  const bool any_address_;  // bound to all of them
};

/// `host` of `host:port`, in lower case, without brackets and the dot at the end.
std::string host_name_of(std::string_view host);

}  // namespace berth::net
