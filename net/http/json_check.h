#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "net/http/json_in.h"
#include "net/http/json_schema.h"

namespace berth::net {

/// Checks parsed JSON against schemas. Private to json_in.cc.
///
/// Shape    one, reused; the first problem ends it
/// Errors   false, and the problem, whose pointer is put together on the way out
class JsonCheck {
 public:
  JsonReader::Problem problem;

  bool object(simdjson::dom::element value, const JsonSchema& schema);
  /// Puts the problem inside what is called `name` or has this number.
  bool inside(std::string_view name);

  static bool is_integer(simdjson::dom::element value, int64_t& number);

 private:
  using Element = simdjson::dom::element;

  bool fields(simdjson::dom::object object, const JsonSchema& schema);
  bool field(Element value, const JsonField& field);
  bool items(Element value, const JsonField& field);
  bool entries(Element value, const JsonField& field);
  bool one(Element value, const JsonField& field);
  bool text(std::string_view value, const JsonField& field);
  bool number(Element value, const JsonField& field);
  bool range(double value, const JsonField& field, std::string_view shown, std::string_view unit);
  bool any(Element value);
  bool unknown(std::string_view name, const JsonSchema& schema);
  bool distinct(simdjson::dom::object object);
  bool wrong(std::string message);
  bool wrong_kind(Element value, std::string_view wanted);

  std::vector<std::string_view> keys_;
};

}  // namespace berth::net
