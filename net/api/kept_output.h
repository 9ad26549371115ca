#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "wire/job_messages.h"

namespace berth::net {

/// Output of attempts that came with their result, from workers that keep none themselves.
///
/// Shape    two texts for each assignment; the oldest go when it is too much
/// Threads  one owner
/// Memory   `bytes_max`, and `stream_bytes_max` of each text; lost with the process
class KeptOutput {
 public:
  KeptOutput(size_t bytes_max, size_t stream_bytes_max)
      : bytes_max_(bytes_max), stream_bytes_max_(stream_bytes_max) {}

  void keep(
      wire::AssignmentId assignment, std::string_view stdout_text, std::string_view stderr_text);

  /// What answers `want`: a piece, or that there is none. Points into this until the next `keep`.
  wire::LogPiece piece_of(const wire::WantLog& want) const;

 private:
  struct Stream {
    std::string text;
    bool truncated = false;
  };
  struct Output {
    Stream streams[2];  // by OutputStream
  };
  static size_t bytes_of(const Output& output) {
    return output.streams[0].text.size() + output.streams[1].text.size() + sizeof(Output);
  }

  const size_t bytes_max_;
  const size_t stream_bytes_max_;
  size_t bytes_ = 0;
  std::deque<wire::AssignmentId> order_;
  absl::flat_hash_map<uint64_t, Output> by_epoch_;  // no two assignments share one
};

}  // namespace berth::net
