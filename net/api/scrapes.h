#pragma once

#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "net/api/exchange.h"
#include "net/api/metrics_page.h"
#include "net/http/http_gzip.h"

namespace berth::net {

/// Who waits for `/metrics`. A page costs the gateway some 0.2 ms of a core that placements may
/// want, so whoever scrapes in a loop is made to wait, and never given old numbers: a page is made
/// `kPause` after the last at the soonest, and all who have asked by then are sent that one.
///
/// Shape    exchanges in the order in which they came, for `kPause` at most
/// Threads  the gateway's
/// Memory   a pointer for each that waits; the gzip of the last page
class Scrapes {
 public:
  static constexpr core::Duration kPause = core::Duration::milliseconds(10);

  explicit Scrapes(MetricsPage& page) : page_(page) {}

  /// Takes the exchange over, until it is answered or its client has gone.
  void add(Exchange& exchange);
  bool waited_for() const { return !waiting_.empty(); }
  /// When those who wait are to be answered.
  core::Instant due() const { return made_at_ + kPause; }
  /// At the end of a turn: answers all, if it is time.
  void on_turn_end(core::Now now);

 private:
  std::string_view zipped(std::string_view text);

  MetricsPage& page_;
  HttpGzip gzip_;
  std::string_view zipped_;  // the page in hand; empty: nobody wanted it so far
  std::vector<Exchange*> waiting_;
  std::vector<Exchange*> turn_;
  core::Instant made_at_ = core::Instant{} - kPause;
};

}  // namespace berth::net
