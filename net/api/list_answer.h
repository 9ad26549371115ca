#pragma once

#include <functional>

#include "net/api/exchange.h"

namespace berth::net {

/// A list in JSON as an answer: as a whole if one piece is all there is, else a stream whose pieces
/// are made one by one, when the client has read and the gateway has time.
///
/// Shape    `json` is filled; then `go_on` sends it and makes the next piece, or `finish` sends it
/// Threads  the gateway's
/// Memory   one piece
class ListAnswer {
 public:
  explicit ListAnswer(Exchange& exchange) : exchange(exchange) {}

  Exchange& exchange;
  JsonOut json;  ///< its own: others answer between two pieces

  /// So many rows make a piece, some 0.05 ms of work. The first has more, for most lists end with
  /// it.
  static constexpr uint32_t kFirstRows = 100;
  static constexpr uint32_t kPieceRows = 40;
  /// How many rows to ask for.
  uint32_t rows() const { return begun_ ? kPieceRows : kFirstRows; }

  void go_on(std::function<void()> next);
  void finish();
  /// No more can be had. False: nothing was sent so far, so the caller may say why. Cut short, a
  /// list is no valid JSON: its client cannot mistake it for all.
  bool cut();

 private:
  bool begun_ = false;
};

}  // namespace berth::net
