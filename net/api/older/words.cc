#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <utility>

#include "net/api/older/older.h"
#include "net/text/units.h"

// Answers and words of the older APIs.
namespace berth::net::older {

bool is_own_tag(std::string_view tag) {
  return tag == kPullsTag || tag == kJobPoolTag || tag.starts_with("runner:");
}

void fail(Exchange& exchange, int status, std::string_view error) {
  exchange.json().object().field("error", error).end();
  exchange.answer(status);
}

void fail(Exchange& exchange, const wire::Refused& refused) {
  fail(exchange, problem_of(refused).status, refused.message);
}

void say_problem(Exchange& exchange, const Problem& problem) {
  if (problem.status == 401) return fail(exchange, 401, "unauthorized");
  if (problem.status == 405) return fail(exchange, 405, "method not allowed");
  std::string text = problem.detail;
  if (!problem.hint.empty()) text += ": " + problem.hint;
  fail(exchange, problem.status, text);
}

void fail_with(Exchange& exchange, const wire::Reply& reply) {
  if (const auto* refused = std::get_if<wire::Refused>(&reply)) return fail(exchange, *refused);
  fail(exchange, 500, "the service answered something else");
}

Then while_here(Exchange& exchange, Then then) {
  auto here = std::make_shared<bool>(true);
  exchange.when_gone([here] { *here = false; });
  return [here, then = std::move(then)](const wire::Reply& reply) {
    if (*here) then(reply);
  };
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

wire::JobId job_from(std::string_view text) {
  return {parse_count(trimmed(text)).value_or(0)};
}

std::string rfc3339(int64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text = {};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(
      text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(wall_ms % 1000));
  return text.data();
}

std::string shell_line(wire::TextList words) {
  std::string line;
  for (const std::string_view word : words) {
    if (!line.empty()) line += ' ';
    const bool plain =
        !word.empty() && word.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "@%+=:,./-_") == word.npos;
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) {
      if (c == '\'') {
        line += "'\\''";
      } else {
        line += c;
      }
    }
    line += '\'';
  }
  return line;
}

}  // namespace berth::net::older
