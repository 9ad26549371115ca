#include "net/http/json_out.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "net/http/json_in.h"
#include "tests/net/http/sample_schema.h"

namespace berth::net {
namespace {

TEST(JsonOut, WritesEveryKindOfValue) {
  JsonOut json;
  json.object().field("text", "a\"b\\c\n\x01/ü").field("small", int64_t{-1});
  json.field("large", std::numeric_limits<uint64_t>::max()).field("half", 0.5).field("one", 1.0);
  json.field("zero", -0.0).field("huge", 191553255926290448382.5);
  json.field("nan", std::nan("")).field("far", std::numeric_limits<double>::infinity());
  json.field("yes", true).key("none").null().key("list").array().value(1).value("b").end();
  json.key("inner").object().end().key("raw").raw(R"({"a":1})").end();
  EXPECT_EQ(
      json.text(),
      R"({"text":"a\"b\\c\n\u0001/ü","small":-1,"large":18446744073709551615,"half":0.5,"one":1,"zero":0,)"
      R"("huge":1.9155325592629045e+20,)"
      R"("nan":null,"far":null,"yes":true,"none":null,"list":[1,"b"],"inner":{},"raw":{"a":1}})");
}

TEST(JsonOut, MendsTextThatIsNotUtf8) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\xff"
       "b",
       "\"a\xef\xbf\xbd"
       "b\""},
      {"\xc3", "\"\xef\xbf\xbd\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xc3\xbc\x80\xf0\x9f\x9a\xa2", "\"\xc3\xbc\xef\xbf\xbd\xf0\x9f\x9a\xa2\""},
      {"\xf0\x9f\x9a", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const auto& [text, shown] : cases) {
    JsonOut json;
    EXPECT_EQ(json.value(text).text(), std::string_view(shown));
  }
}

TEST(JsonOut, GoesOnAfterWhatWasTakenAndStartsAgainWhenCleared) {
  JsonOut json;
  json.array().value(1);
  EXPECT_EQ(json.take(), "[1");
  json.value(2).object().field("a", 3);
  EXPECT_EQ(json.take(), R"(,2,{"a":3)");
  json.end().end();
  EXPECT_EQ(json.take(), "}]");
  json.clear();
  json.array().array();
  json.clear();
  json.object().field("b", 1).end();
  EXPECT_EQ(json.text(), R"({"b":1})");
}

TEST(JsonOut, WritesWhatJsonReaderReads) {
  JsonOut json;
  json.object().field("task", "t\u2028\"\\").field("slots", 7).field("load", 0.1);
  json.key("tags").array().value("").value("\t").end();
  json.key("labels").object().field("a/b", "c").end().end();
  JsonReader reader;
  ASSERT_TRUE(reader.read(json.text(), sample_schema()))
      << reader.problem().pointer << reader.problem().message;
  EXPECT_EQ(reader.object().text("task"), "t\u2028\"\\");
  EXPECT_EQ(reader.object().integer("slots"), 7);
  EXPECT_EQ(reader.object().number("load"), 0.1);
  EXPECT_EQ(reader.object().count("tags"), 2u);
}

}  // namespace
}  // namespace berth::net
