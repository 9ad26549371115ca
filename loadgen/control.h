#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "loadgen/link.h"

namespace berth::loadgen {

/// What the server says it has used.
struct ServerUsage {
  double cpu_s = 0;  ///< of its process since it started
  double rss_bytes = 0;
};

/// A connection beside the load: asks for the server's usage and for anything else, one request at
/// a time, and watches for suspicions.
class Control final : private LinkUser {
 public:
  Control(LinkLoop& loop, const Link::Options& options);
  ~Control() override;

  Failure connect();
  /// Turns the loop until the server has answered.
  Failure usage(ServerUsage& usage);
  /// Turns the loop until `request` is answered, then hands the answer to `on_answer`, for the
  /// call. A refusal is an answer, too.
  Failure ask(
      const wire::Request& request,
      const std::function<void(const wire::Reply&)>& on_answer,
      core::Duration patience = core::Duration::seconds(10));
  /// From now on `suspicions()` counts the workers of this prefix that turned suspicious or
  /// offline while we were heartbeating for them.
  Failure watch(const std::string& worker_prefix);
  uint64_t suspicions() const { return suspicions_; }

 private:
  void on_reply(Link&, core::Instant, wire::RequestId, const wire::Reply&) override;
  void on_lost(Link&, const std::string& why) override;

  LinkLoop& loop_;
  std::string server_text_;
  Link link_;
  uint32_t last_id_ = 1;
  bool answered_ = false;
  std::function<void(const wire::Reply&)> on_answer_;
  std::string prefix_;
  uint64_t suspicions_ = 0;
  Failure failure_;
};

}  // namespace berth::loadgen
