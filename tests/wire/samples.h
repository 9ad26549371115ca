#pragma once

#include <string>
#include <variant>
#include <vector>

#include "wire/messages.h"

namespace berth::wire {

/// One message, with every field filled that it may have, and the name of its golden file.
struct Sample {
  std::string name;
  RequestId id;
  std::variant<Request, Reply> message;
};

/// At least one for every kind, in the order of the variants; two where there are two ways to
/// encode it. What they point to is static.
std::vector<Sample> all_samples();

/// `sample` as a frame.
std::vector<std::byte> encode_sample(const Sample& sample);

}  // namespace berth::wire
