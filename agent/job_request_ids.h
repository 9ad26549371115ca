#pragma once

#include <cstdint>

#include "agent/session.h"
#include "wire/ids.h"

namespace berth::agent {

/// The ids of a JobSession's requests: the upper half, so that they never meet a Session's.
class JobRequestIds {
 public:
  wire::RequestId next() {
    wire::RequestId id{next_};
    next_ = next_ == UINT32_MAX ? kJobRequestIdFirst : next_ + 1;
    return id;
  }

 private:
  uint32_t next_ = kJobRequestIdFirst;
};

}  // namespace berth::agent
