#include "net/api/check_request.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "net/api/router.h"
#include "net/text/units.h"

namespace berth::net {
namespace {

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 64;
  if (text.size() > kShown) return "'" + std::string(text.substr(0, kShown)) + "…'";
  return "'" + std::string(text) + "'";
}

bool refuse(Problem& problem, std::string detail, std::string hint = {}) {
  problem = Problem{};
  problem.status = 400;
  problem.code = "bad_request";
  problem.detail = std::move(detail);
  problem.hint = std::move(hint);
  return false;
}

const Parameter* find_parameter(const Route& route, std::string_view name) {
  for (const Parameter& parameter : route.parameters)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

std::string choices(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

bool check_value(const Parameter& row, std::string_view value, Problem& problem) {
  const std::string name = "parameter '" + std::string(row.name) + "'";
  if (row.kind == JsonKind::Integer) {
    const std::optional<uint64_t> number = parse_count(value, row.max);
    if (number && *number >= row.min) return true;
    return refuse(
        problem,
        name + " is " + quoted(value) + ", which is no whole number from " +
            std::to_string(row.min) + " to " + std::to_string(row.max));
  }
  if (row.kind == JsonKind::Boolean) {
    return !flag_value(value).empty() ||
           refuse(problem, name + " is " + quoted(value) + ", which is neither true nor false");
  }
  if (value.empty()) return refuse(problem, name + " has no value");
  if (row.one_of.empty()) return true;
  if (std::find(row.one_of.begin(), row.one_of.end(), value) != row.one_of.end()) return true;
  return refuse(problem, name + " is " + quoted(value), "it is one of " + choices(row.one_of));
}

bool refuse_unknown(const Route& route, std::string_view name, Problem& problem) {
  std::vector<std::string_view> known;
  for (const Parameter& parameter : route.parameters) {
    if (!is_in_path(route, parameter.name)) known.push_back(parameter.name);
  }
  const std::string_view near = nearest_word(name, known);
  std::string hint = known.empty() ? "it takes none" : "it takes " + choices(known);
  if (!near.empty()) hint = "did you mean '" + std::string(near) + "'?";
  return refuse(problem, "there is no parameter " + quoted(name), std::move(hint));
}

bool check_query(const Api& api, const Route& route, const HttpRequest& request, Problem& problem) {
  const auto& query = request.query();
  for (size_t i = 0; i < query.size(); ++i) {
    const auto& [name, value] = query[i];
    const Parameter* row = find_parameter(route, name);
    const bool known = row != nullptr && !is_in_path(route, name);
    if (api.lenient && (!known || value.empty())) continue;
    if (!known) return refuse_unknown(route, name, problem);
    if (!check_value(*row, value, problem)) return false;
    for (size_t before = 0; before < i && !row->repeats && !api.lenient; ++before) {
      if (query[before].first != name) continue;
      return refuse(
          problem, "parameter '" + std::string(name) + "' is given twice", "give it once");
    }
  }
  for (const Parameter& row : route.parameters) {
    if (!row.required || is_in_path(route, row.name)) continue;
    const auto given = [&](const auto& pair) {
      return pair.first == row.name && !pair.second.empty();
    };
    if (std::any_of(query.begin(), query.end(), given)) continue;
    return refuse(problem, "parameter '" + std::string(row.name) + "' is missing");
  }
  return true;
}

bool check_path(const Route& route, std::span<const std::string_view> values, Problem& problem) {
  size_t at = 0;
  bool good = true;
  for_each_segment(route.path, [&](std::string_view segment) {
    if (!is_parameter(segment) || at >= values.size()) return;
    const std::string_view value = values[at++];
    const Parameter* row = find_parameter(route, segment.substr(1, segment.size() - 2));
    good = good && (row == nullptr || check_value(*row, value, problem));
  });
  return good;
}

bool same_word(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 'a' - 'A') : a) == b;
  };
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), same);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t'))
    text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t'))
    text.remove_suffix(1);
  return text;
}

/// Takes what stands in front of the next semicolon; there may be others in quotes.
std::string_view take_part(std::string_view& rest) {
  bool quoted = false;
  size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != ';'); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (rest[end] == '\\' && quoted) ++end;
  }
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed(part);
}

// Nothing but JSON, said so: a page of another site can make a browser send a form, not this. JSON
// is UTF-8: read as that, what says it is anything else would be other text than was meant.
bool is_json(std::string_view content_type) {
  std::string_view rest = content_type;
  if (!same_word(take_part(rest), kJsonType)) return false;
  while (!rest.empty()) {
    const std::string_view part = take_part(rest);
    const size_t equals = std::min(part.find('='), part.size());
    if (!same_word(part.substr(0, equals), "charset")) continue;
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    if (!same_word(value, "utf-8") && !same_word(value, "\"utf-8\"")) return false;
  }
  return true;
}

bool refuse_type(Problem& problem, std::string detail, std::string_view hint) {
  problem = Problem{};
  problem.status = 415;
  problem.code = "unsupported_media_type";
  problem.detail = std::move(detail);
  problem.hint = hint;
  return false;
}

bool check_type(const Api& api, const HttpRequest& request, Problem& problem) {
  const std::string_view coding = request.header("content-encoding");
  if (!coding.empty() && !same_word(coding, "identity")) {
    return refuse_type(
        problem,
        "the body's Content-Encoding is " + quoted(coding),
        "send the JSON as it is, without Content-Encoding");
  }
  const std::string_view type = request.header("content-type");
  if (api.lenient || is_json(type)) return true;
  return refuse_type(
      problem,
      type.empty() ? "the body has no Content-Type" : "the body's Content-Type is " + quoted(type),
      "send JSON in UTF-8, with 'Content-Type: application/json'");
}

bool check_body(
    const Api& api,
    const Route& route,
    const HttpRequest& request,
    JsonReader& reader,
    Problem& problem) {
  const std::string_view body = request.body();
  const bool wanted = route.body != nullptr && (!body.empty() || !route.body_optional);
  if ((wanted || !body.empty()) && !check_type(api, request, problem)) return false;
  if (route.body == nullptr) {
    return body.empty() || api.lenient || refuse(problem, "no body is expected here");
  }
  if (!wanted) return reader.read("{}", *route.body);
  const bool read = route.bodies_max > 1
                        ? reader.read_one_or_many(body, *route.body, route.bodies_max)
                        : reader.read(body, *route.body);
  if (read) return true;
  const std::string& pointer = reader.problem().pointer;
  refuse(problem, (pointer.empty() ? pointer : pointer + ": ") + reader.problem().message);
  problem.pointer = pointer;
  return false;
}

}  // namespace

std::string_view flag_value(std::string_view text) {
  if (text.empty() || text == "true" || text == "1") return "true";
  if (text == "false" || text == "0") return "false";
  return {};
}

bool check_request(
    const Api& api,
    const Route& route,
    const HttpRequest& request,
    std::span<const std::string_view> values,
    JsonReader& reader,
    Problem& problem) {
  return check_path(route, values, problem) && check_query(api, route, request, problem) &&
         check_body(api, route, request, reader, problem);
}

}  // namespace berth::net
