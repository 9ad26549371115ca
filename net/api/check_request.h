#pragma once

#include "net/api/problem.h"
#include "net/api/route.h"
#include "net/http/http_request.h"
#include "net/http/json_in.h"

namespace berth::net {

/// What a handler may rely on: every parameter is known, given where it must be and in range, and
/// the body, if the route has one, is in `reader` and has its schema. `values` are those of the
/// path, in order.
///
/// Errors   false: `problem` is 400 with the parameter's name or the body's pointer, or 415
bool check_request(
    const Api& api,
    const Route& route,
    const HttpRequest& request,
    std::span<const std::string_view> values,
    JsonReader& reader,
    Problem& problem);

/// `true` or `false` for what a flag may be given as: nothing, `true`, `1`, `false`, `0`; empty for
/// anything else.
std::string_view flag_value(std::string_view text);

}  // namespace berth::net
