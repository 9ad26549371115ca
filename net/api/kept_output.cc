#include "net/api/kept_output.h"

#include <algorithm>
#include <span>
#include <utility>

namespace berth::net {

namespace {

/// What one answer carries when its reader sets no limit.
constexpr size_t kPieceMax = 256 * 1024;

}  // namespace

void KeptOutput::keep(
    wire::AssignmentId assignment, std::string_view stdout_text, std::string_view stderr_text) {
  if (by_epoch_.contains(assignment.epoch)) return;  // it is reported again
  Output output;
  const std::string_view texts[] = {stdout_text, stderr_text};
  for (size_t i = 0; i < 2; ++i) {
    output.streams[i].text = texts[i].substr(0, stream_bytes_max_);
    output.streams[i].truncated = texts[i].size() > stream_bytes_max_;
  }
  bytes_ += bytes_of(output);
  by_epoch_.emplace(assignment.epoch, std::move(output));
  order_.push_back(assignment);
  for (; bytes_ > bytes_max_; order_.pop_front()) {
    const auto oldest = by_epoch_.find(order_.front().epoch);
    bytes_ -= bytes_of(oldest->second);
    by_epoch_.erase(oldest);
  }
}

wire::LogPiece KeptOutput::piece_of(const wire::WantLog& want) const {
  wire::LogPiece piece;
  piece.ticket = want.ticket;
  const auto found = by_epoch_.find(want.assignment.epoch);
  if (found == by_epoch_.end()) {
    piece.refusal = wire::Refusal::NotFound;
    piece.message = "its worker speaks HTTP and has not sent it, or that is long ago";
    return piece;
  }
  const Stream& stream = found->second.streams[static_cast<size_t>(want.stream)];
  const size_t from = std::min<uint64_t>(want.offset, stream.text.size());
  const size_t most = want.bytes_max == 0 ? kPieceMax : want.bytes_max;
  const std::string_view text = std::string_view(stream.text).substr(from, most);
  piece.chunk.data = std::as_bytes(std::span(text.data(), text.size()));
  piece.chunk.offset = from;
  piece.chunk.size = stream.text.size();
  piece.chunk.complete = from + text.size() == stream.text.size();
  piece.chunk.truncated = stream.truncated;
  return piece;
}

}  // namespace berth::net
