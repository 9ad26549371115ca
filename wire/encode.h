#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "wire/messages.h"

namespace berth::wire {

/// Messages to whole frames.
///
/// Threads  one encoder for each thread
/// Memory   one builder, reused; `out` grows as needed
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  /// Appends header and padded payload to `out`.
  void encode(RequestId id, const Request& request, std::vector<std::byte>& out);
  void encode(RequestId id, const Reply& reply, std::vector<std::byte>& out);

 private:
  struct Builder;
  std::unique_ptr<Builder> builder_;
};

}  // namespace berth::wire
