#pragma once

#include <array>

#include "net/api/route.h"

/// An API of every kind of route, for tests.
namespace berth::net::sample {

inline void nothing(Exchange&) {}

inline constexpr std::array<std::string_view, 2> kColours = {"red", "green"};
inline constexpr std::array<Parameter, 5> kListParameters = {{
    {.name = "colour", .about = "Of what colour", .one_of = kColours},
    {.name = "tag", .about = "With which tags", .repeats = true},
    {.name = "limit", .kind = JsonKind::Integer, .about = "How many", .min = 1, .max = 100},
    {.name = "watch", .kind = JsonKind::Boolean, .about = "Whether to go on"},
    {.name = "who", .about = "Who asks", .required = true},
}};
inline constexpr std::array<RequestHeader, 1> kListHeaders = {{{"Last-Id", "Where to go on"}}};
inline constexpr Parameter kId = {.name = "id", .kind = JsonKind::Integer, .about = "Which one"};

inline constexpr std::array<JsonField, 2> kPartFields = {{
    {.name = "cpu", .kind = JsonKind::Integer, .about = "How much", .min = 0, .max = 10},
    {.name = "tags", .about = "Which", .array = true, .min = 1, .max = 8},
}};
inline constexpr JsonSchema kPart = {"Part", "A part.", kPartFields};
inline constexpr std::array<JsonField, 3> kThingFields = {{
    {.name = "name", .about = "Its name", .required = true, .min = 1},
    {.name = "part", .kind = JsonKind::Object, .about = "Its part", .object = &kPart},
    {.name = "labels", .about = "What describes it", .map = true, .nullable = true},
}};
inline constexpr JsonSchema kThing = {"Thing", "A thing.", kThingFields};

inline constexpr std::array<Answer, 1> kThings = {{{200, "Things", &kThing, true}}};
inline constexpr std::array<Answer, 1> kOne = {{{200, "A thing", &kThing}}};
inline constexpr std::array<Answer, 1> kText = {{{200, "Text", nullptr, false, kTextType}}};

inline constexpr std::array<Route, 7> kRoutes = {{
    {.path = "/things",
     .id = "listThings",
     .about = "Lists.",
     .parameters = kListParameters,
     .answers = kThings,
     .handle = nothing,
     .headers = kListHeaders},
    {.method = HttpMethod::Post,
     .path = "/things",
     .id = "addThings",
     .about = "Adds.",
     .body = &kThing,
     .bodies_max = 3,
     .answers = kOne,
     .handle = nothing},
    {.path = "/things/{id}",
     .id = "getThing",
     .about = "Shows.",
     .parameters = {&kId, 1},
     .answers = kOne,
     .handle = nothing},
    {.path = "/things/first",
     .id = "getFirst",
     .about = "Shows the first.",
     .answers = kOne,
     .handle = nothing},
    {.method = HttpMethod::Post,
     .path = "/things/{id}/mend",
     .id = "mendThing",
     .about = "Mends.",
     .parameters = {&kId, 1},
     .body = &kPart,
     .body_optional = true,
     .answers = kOne,
     .handle = nothing},
    {.method = HttpMethod::Delete,
     .path = "/things/{id}",
     .id = "dropThing",
     .about = "Drops.",
     .parameters = {&kId, 1},
     .handle = nothing},
    {.path = "/health",
     .id = "getHealth",
     .about = "Is well.",
     .answers = kText,
     .handle = nothing,
     .open_to_all = true},
}};
inline constexpr Api kApi = {.name = "things", .about = "Things.", .routes = kRoutes};

inline void say(Exchange&, const Problem&) {}

inline constexpr std::array<Route, 1> kOldRoutes = {{
    {.method = HttpMethod::Post,
     .path = "/old/things",
     .id = "oldAdd",
     .about = "Adds as ever.",
     .parameters = {&kListParameters[2], 1},
     .body = &kThing,
     .handle = nothing},
}};
inline constexpr Api kOldApi = {
    .name = "old",
    .about = "As ever.",
    .routes = kOldRoutes,
    .say_problem = say,
    .prefix = "/old/",
    .lenient = true};

inline constexpr std::array<const Api*, 2> kApis = {&kApi, &kOldApi};

}  // namespace berth::net::sample
