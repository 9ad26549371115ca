#pragma once

#include <span>
#include <string>

#include "net/api/route.h"

namespace berth::net {

/// The OpenAPI 3.1 document of these APIs, as JSON: from the tables that requests are checked with,
/// so that it says what the server does.
std::string openapi_document(std::span<const Api* const> apis, std::string_view version);

}  // namespace berth::net
