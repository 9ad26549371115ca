#include "net/http/json_in.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/net/http/sample_schema.h"

namespace berth::net {
namespace {

/// Empty when it was taken; else `pointer: message`.
std::string problem_of(JsonReader& reader, std::string_view body) {
  if (reader.read(body, sample_schema())) return "";
  const JsonReader::Problem& problem = reader.problem();
  return problem.pointer + ": " + problem.message;
}

std::string repeated(std::string_view piece, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i)
    all += piece;
  return all;
}

TEST(JsonReader, GivesWhatTheBodySays) {
  JsonReader reader;
  ASSERT_TRUE(reader.read(
      R"({"task":"t\u00fc","colour":"blue","note":null,"slots":1e1,"any_integer":-9223372036854775808,
          "load":0.25,"wait":true,"inner":{"x":7},"tags":["a","b"],"numbers":[1,2.0],
          "inners":[{"x":1},{"x":2}],"labels":{"k":"v","l":"w"},"amounts":{"cpu":1.5},
          "flags":[true,false],"lists":{"a":["b"]}})",
      sample_schema()))
      << reader.problem().pointer << reader.problem().message;
  const JsonObject body = reader.object();
  EXPECT_EQ(body.text("task"), "tü");
  EXPECT_EQ(body.text("colour"), "blue");
  EXPECT_FALSE(body.has("note"));
  EXPECT_EQ(body.text("note", "none"), "none");
  EXPECT_EQ(body.integer("slots"), 10);
  EXPECT_EQ(body.integer("any_integer"), INT64_MIN);
  EXPECT_EQ(body.number("load"), 0.25);
  EXPECT_EQ(body.number("slots"), 10.0);
  EXPECT_TRUE(body.truth("wait"));
  EXPECT_EQ(body.object("inner").integer("x"), 7);
  EXPECT_EQ(body.object("open").integer("x", -1), -1);
  EXPECT_TRUE(body.has("inner"));
  EXPECT_FALSE(body.has("open"));
  EXPECT_EQ(body.count("tags"), 2u);
  EXPECT_EQ(body.count("labels"), 2u);
  EXPECT_EQ(body.count("free"), 0u);
  std::string said;
  body.each<std::string_view>("tags", [&](std::string_view tag) { said += tag; });
  body.each<int64_t>("numbers", [&](int64_t number) { said += std::to_string(number); });
  body.each<JsonObject>(
      "inners", [&](JsonObject inner) { said += std::to_string(inner.integer("x")); });
  body.each_of_map<std::string_view>("labels", [&](std::string_view key, std::string_view value) {
    said += " " + std::string(key) + "=" + std::string(value);
  });
  body.each_of_map<double>(
      "amounts", [&](std::string_view, double value) { said += value == 1.5 ? " cpu" : "?"; });
  body.each<bool>("flags", [&](bool flag) { said += flag ? "+" : "-"; });
  EXPECT_EQ(said, "ab1212 k=v l=w cpu+-");
}

TEST(JsonReader, SaysWhereAndWhatIsWrong) {
  struct Case {
    const char* what;
    std::string body;
    std::string problem;
  };
  const Case cases[] = {
      {"nothing", "", ": the body is empty; send a JSON object"},
      {"spaces", "  \n", ": the body is empty; send a JSON object"},
      {"no JSON", "task=1", ": the body is no JSON"},
      {"half of it", R"({"task":"a")", ": the body is no JSON"},
      {"more behind it", R"({"task":"a"} x)", ": the body is no JSON"},
      {"another object behind it", R"({"task":"a"}{"task":"b"})", ": the body is no JSON"},
      {"a trailing comma", R"({"task":"a",})", ": the body is no JSON"},
      {"a comment", "{\"task\":\"a\"} // b", ": the body is no JSON"},
      {"NaN", R"({"task":"a","load":NaN})", ": the body is no JSON"},
      {"no UTF-8", "{\"task\":\"\xff\"}", ": the body is not UTF-8"},
      {"a surrogate in UTF-8", "{\"task\":\"\xed\xa0\x80\"}", ": the body is not UTF-8"},
      {"half a surrogate pair",
       R"({"task":"\ud800"})",
       ": the body has a text with an escape that is none"},
      {"a line end in a text",
       "{\"task\":\"a\nb\"}",
       ": the body has a control character in a text; escape it as \\u00XX"},
      {"a text without end", R"({"task":"a)", ": the body has a text that does not end"},
      {"a mark of byte order", "\xef\xbb\xbf{\"task\":\"a\"}", ": the body is no JSON"},
      {"an array", "[]", ": has to be an object, and is an array"},
      {"a number", "1", ": has to be an object, and is a number"},
      {"null", "null", ": has to be an object, and is null"},
      {"deep arrays",
       R"({"task":"a","free":)" + repeated("[", 40) + repeated("]", 40) + "}",
       ": the body is nested more than 32 levels deep"},
      {"very deep objects",
       repeated(R"({"free":)", 100'000) + "1" + repeated("}", 100'000),
       ": the body is nested more than 32 levels deep"},
      {"a missing field", "{}", "/task: is missing"},
      {"a required field that is null", R"({"task":null})", "/task: is null, and has to be there"},
      {"a text that is too short", R"({"task":""})", "/task: is empty"},
      {"a text that is too long",
       R"({"task":"123456789"})",
       "/task: '123456789' is above the most in length, 8 bytes"},
      {"a NUL", R"({"task":"a\u0000"})", "/task: has a NUL character; leave it out"},
      {"a number for a text", R"({"task":1})", "/task: has to be a text, and is a number"},
      {"no word of the list",
       R"({"task":"a","colour":"green"})",
       "/colour: 'green' is none of 'red', 'blue'"},
      {"a text for a number",
       R"({"task":"a","slots":"1"})",
       "/slots: has to be an integer, and is a text"},
      {"a fraction", R"({"task":"a","slots":1.5})", "/slots: 1.5 is no integer"},
      {"below the range", R"({"task":"a","slots":-1})", "/slots: -1 is below the least, 0"},
      {"above the range", R"({"task":"a","slots":101})", "/slots: 101 is above the most, 100"},
      {"beyond 63 bits",
       R"({"task":"a","any_integer":9223372036854775808})",
       "/any_integer: 9.22337203685478e+18 is too large"},
      {"beyond 64 bits",
       R"({"task":"a","any_integer":99999999999999999999})",
       ": the body has a number that is malformed or out of range"},
      {"beyond a double",
       R"({"task":"a","load":1e999})",
       ": the body has a number that is malformed or out of range"},
      {"an integer with an exponent without end",
       R"({"task":"a","any_integer":1e300})",
       "/any_integer: 1e+300 is too large"},
      {"a leading zero",
       R"({"task":"a","slots":01})",
       ": the body has a number that is malformed or out of range"},
      {"a plus sign", R"({"task":"a","slots":+1})", ": the body is no JSON"},
      {"a number that is too large",
       R"({"task":"a","load":1.5})",
       "/load: 1.5 is above the most, 1"},
      {"a text for a truth",
       R"({"task":"a","wait":"yes"})",
       "/wait: has to be true or false, and is a text"},
      {"an array for an object",
       R"({"task":"a","inner":[]})",
       "/inner: has to be an object, and is an array"},
      {"something missing inside", R"({"task":"a","inner":{}})", "/inner/x: is missing"},
      {"something wrong in an array",
       R"({"task":"a","inners":[{"x":1},{"x":"b"}]})",
       "/inners/1/x: has to be an integer, and is a text"},
      {"one for many", R"({"task":"a","tags":"b"})", "/tags: has to be an array, and is a text"},
      {"too many", R"({"task":"a","tags":["1","2","3","4"]})", "/tags: has more than 3 items"},
      {"too many in a map",
       R"({"task":"a","labels":{"1":"","2":"","3":""}})",
       "/labels: has more than 2 entries"},
      {"something wrong in a map",
       R"({"task":"a","labels":{"a/b":1}})",
       "/labels/a~1b: has to be a text, and is a number"},
      {"something wrong in an array of a map",
       R"({"task":"a","lists":{"a":["b",1]}})",
       "/lists/a/1: has to be a text, and is a number"},
      {"an unknown field that is near",
       R"({"task":"a","colors":"red"})",
       "/colors: is no known field; did you mean 'colour'?"},
      {"one that is not", R"({"task":"a","zzzzzzzz":1})", "/zzzzzzzz: is no known field of Sample"},
      {"one inside",
       R"({"task":"a","inner":{"x":1,"y":2}})",
       "/inner/y: is no known field; did you mean 'x'?"},
      {"a field twice",
       R"({"task":"a","task":"b"})",
       "/task: is there twice; leave one of them out"},
      {"a field twice, once escaped",
       R"({"task":"a","t\u0061sk":"b"})",
       "/task: is there twice; leave one of them out"},
      {"a key twice in a map",
       R"({"task":"a","labels":{"k":"1","k":"2"}})",
       "/labels/k: is there twice; leave one of them out"},
      {"a key twice where anything goes",
       R"({"task":"a","free":[{"k":1,"k":2}]})",
       "/free/0/k: is there twice; leave one of them out"},
      {"a key twice in an open object",
       R"({"task":"a","open":{"x":1,"y":1,"y":2}})",
       "/open/y: is there twice; leave one of them out"},
      {"a key twice deep in an open object",
       R"({"task":"a","open":{"x":1,"y":{"z":1,"z":2}}})",
       "/open/y/z: is there twice; leave one of them out"},
  };
  JsonReader reader;
  for (const Case& c : cases)
    EXPECT_EQ(problem_of(reader, c.body), c.problem) << c.what;
  EXPECT_EQ(problem_of(reader, R"({"task":"a"})"), "") << "it is as good as new";
}

TEST(JsonReader, TakesWhatTheSchemaAllows) {
  const char* const cases[] = {
      R"({"task":"a"})",
      " \t\r\n{\"task\":\"a\"}\n",
      R"({"task":"a","note":null,"colour":null,"tags":null})",
      R"({"task":"a","open":{"x":1,"more":{"a":[1,{"b":null}]}}})",
      R"({"task":"a","free":[[[[1]]],"x",null,true,{"a":1}]})",
      R"({"task":"a","any_integer":9223372036854775807})",
      R"({"wait":false,"task":"a","load":1})",
  };
  JsonReader reader;
  for (const char* body : cases)
    EXPECT_EQ(problem_of(reader, body), "") << body;
  const std::string deep = R"({"task":"a","free":)" + repeated("[", 30) + repeated("]", 30) + "}";
  EXPECT_EQ(problem_of(reader, deep), "");
}

TEST(JsonReader, FindsAKeyThatIsThereTwiceAmongMany) {
  std::string body = R"({"task":"a","amounts":{)";
  for (int i = 0; i < 5'000; ++i)
    body += "\"k" + std::to_string(i) + "\":1,";
  JsonReader reader;
  EXPECT_EQ(problem_of(reader, body + R"("last":1}})"), "");
  EXPECT_EQ(
      problem_of(reader, body + R"("k77":1}})"),
      "/amounts/k77: is there twice; leave one of them out");
}

TEST(JsonReader, TakesOneOrMany) {
  struct Case {
    const char* body;
    size_t items;
    bool many;
    const char* problem;
  };
  const Case cases[] = {
      {R"({"task":"a"})", 1, false, ""},
      {R"([{"task":"a"}])", 1, true, ""},
      {R"([{"task":"a"},{"task":"b"},{"task":"c"}])", 3, true, ""},
      {R"([{"task":"a"},{"task":"b"},{"task":"c"},{}])",
       3,
       true,
       ": the body has more than 3 items"},
      {R"([])", 0, true, ": the body is an array without items"},
      {R"([{"task":"a"},{"task":1}])", 1, true, "/1/task: has to be a text, and is a number"},
      {R"([[]])", 0, true, "/0: has to be an object, and is an array"},
      {R"("a")", 0, false, ": has to be an object, and is a text"},
  };
  JsonReader reader;
  for (const Case& c : cases) {
    std::string problem;
    if (!reader.read_one_or_many(c.body, sample_schema(), 3)) {
      problem = reader.problem().pointer + ": " + reader.problem().message;
    }
    EXPECT_EQ(problem, c.problem) << c.body;
    EXPECT_EQ(reader.items(), c.items) << c.body;
    EXPECT_EQ(reader.many(), c.many) << c.body;
  }
  ASSERT_TRUE(reader.read_one_or_many(R"([{"task":"a"},{"task":"b"}])", sample_schema(), 3));
  EXPECT_EQ(reader.item(1).text("task"), "b");
  EXPECT_EQ(reader.item(2).text("task"), "");
}

}  // namespace
}  // namespace berth::net
