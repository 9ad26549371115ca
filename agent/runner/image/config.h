#pragma once

#include <string>

#include "agent/runner/image/image.h"
#include "agent/runner/order.h"

namespace berth::agent {

/// The `config.json` that runc is to run: what the image says of its command and environment, what
/// the order says of all the rest. `rootfs` is where the image is mounted for this task;
/// `read_only` when it could not be given a layer of its own. Throws ImageError.
std::string make_config(
    const Order& order, const Image& image, const std::string& rootfs, bool read_only);

}  // namespace berth::agent
