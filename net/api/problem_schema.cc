#include "net/api/problem_schema.h"

#include <array>

namespace berth::net {
namespace {

using Kind = JsonKind;

constexpr std::array<JsonField, 2> kAmountFields = {{
    {.name = "asked",
     .kind = Kind::Integer,
     .about = "Of a resource, in the unit of the request; GPUs in thousandths",
     .required = true},
    {.name = "largest",
     .kind = Kind::Integer,
     .about = "The most of it that one of the workers it rules out has",
     .required = true},
}};
constexpr JsonSchema kAmountSchema = {
    "Amount", "What was asked for, and what there is.", kAmountFields};

constexpr std::array<JsonField, 5> kExplanationFields = {{
    {.name = "workers",
     .kind = Kind::Integer,
     .about = "How many were looked at",
     .required = true},
    {.name = "eligible", .kind = Kind::Integer, .about = "How many would do", .required = true},
    {.name = "eliminated",
     .kind = Kind::Integer,
     .about = "Requirement to workers, each worker counted at the first that ruled it out",
     .required = true,
     .map = true},
    {.name = "amounts",
     .kind = Kind::Object,
     .about = "Requirement to amounts, of those that are about an amount",
     .required = true,
     .map = true,
     .object = &kAmountSchema},
    {.name = "queue_position",
     .kind = Kind::Integer,
     .about = "1 is next; 0: it does not wait",
     .required = true},
}};

constexpr std::array<JsonField, 9> kProblemFields = {{
    {.name = "type", .about = "Always about:blank: `code` tells what it is", .required = true},
    {.name = "title", .about = "The status in words", .required = true},
    {.name = "status", .kind = Kind::Integer, .about = "The HTTP status", .required = true},
    {.name = "code", .about = "A word for programs, as the command line has it", .required = true},
    {.name = "detail", .about = "One sentence: what, and the value", .required = true},
    {.name = "hint", .about = "The remedy"},
    {.name = "pointer", .about = "Where in the body, a JSON pointer"},
    {.name = "reason",
     .about = "Of what cannot be placed: no_workers, eliminated, timed_out or queue_full"},
    {.name = "explanation",
     .kind = Kind::Object,
     .about = "Of what cannot be placed",
     .object = &kExplanationSchema},
}};

}  // namespace

const JsonSchema kExplanationSchema = {
    "Explanation",
    "Which requirement ruled out how many workers; the tokens are those of docs/protocol.md.",
    kExplanationFields};

const JsonSchema kProblemSchema = {
    "Problem", "Why a request was not done: RFC 9457's problem details, and more.", kProblemFields};

}  // namespace berth::net
