#include "net/api/check_request.h"

#include <gmock/gmock.h>

#include "net/api/router.h"
#include "tests/net/api/asked.h"
#include "tests/net/api/sample_api.h"

namespace berth::net {
namespace {

using testing::HasSubstr;

/// What the checks make of a request for the sample APIs; status 200 when nothing is wrong.
Problem check(
    const std::string& line, const std::string& headers = "", const std::string& body = "") {
  static const Router router(sample::kApis);
  Asked asked(line, headers, body);
  const Router::Found found = router.find(asked.request().method, asked.request().path());
  Problem problem;
  if (found.route == nullptr) {
    ADD_FAILURE() << "no route for " << line;
    return problem;
  }
  JsonReader reader;
  const bool good =
      check_request(*found.api, *found.route, asked.request(), found.values, reader, problem);
  if (good) problem.status = 200;
  return problem;
}

const std::string kJson = "Content-Type: application/json\r\n";

TEST(CheckRequest, RefusesParametersThatAreUnknownMissingOrOutOfRange) {
  struct Case {
    const char* query;
    int status;
    const char* said;
  };
  const Case cases[] = {
      {"who=me", 200, ""},
      {"who=me&colour=red&limit=1&tag=a&tag=b&watch", 200, ""},
      {"who=me&limit=100", 200, ""},
      {"who=me&watch=true", 200, ""},
      {"who=me&watch=0", 200, ""},
      {"", 400, "'who' is missing"},
      {"who=", 400, "'who' has no value"},
      {"who=me&limit=0", 400, "from 1 to 100"},
      {"who=me&limit=101", 400, "'101'"},
      {"who=me&limit=-1", 400, "'-1'"},
      {"who=me&limit=1e1", 400, "'1e1'"},
      {"who=me&limit=", 400, "whole number"},
      {"who=me&limit=99999999999999999999999", 400, "whole number"},
      {"who=me&colour=blue", 400, "'blue'"},
      {"who=me&watch=maybe", 400, "'maybe'"},
      {"who=me&limit=1&limit=2", 400, "twice"},
      {"who=me&limits=1", 400, "'limits'"},
      {"who=me&id=1", 400, "'id'"},
  };
  for (const Case& c : cases) {
    const Problem problem = check("GET /things?" + std::string(c.query));
    EXPECT_EQ(problem.status, c.status) << c.query << ": " << problem.detail;
    EXPECT_THAT(problem.detail, HasSubstr(c.said)) << c.query;
  }
}

TEST(CheckRequest, NamesWhatMayHaveBeenMeant) {
  EXPECT_THAT(check("GET /things?who=me&colur=red").hint, HasSubstr("'colour'"));
  EXPECT_THAT(check("GET /things?who=me&colour=blue").hint, HasSubstr("red, green"));
  EXPECT_THAT(check("GET /things/7?verbose").hint, HasSubstr("takes none"));
}

TEST(CheckRequest, ChecksParametersOfThePathToo) {
  EXPECT_EQ(check("GET /things/7").status, 200);
  EXPECT_EQ(check("GET /things/18446744073709551615").status, 200);
  EXPECT_EQ(check("GET /things/18446744073709551616").status, 400);
  EXPECT_EQ(check("GET /things/seven").status, 400);
  EXPECT_THAT(check("GET /things/seven").detail, HasSubstr("'seven'"));
}

TEST(CheckRequest, TakesNothingButJson) {
  const std::string body = R"({"name":"a"})";
  struct Case {
    const char* type;
    int status;
  };
  const Case cases[] = {
      {"application/json", 200},
      {"application/json; charset=utf-8", 200},
      {"Application/JSON ;charset=utf-8", 200},
      {"application/json;Charset=\"UTF-8\"", 200},
      {"application/json;", 200},
      {"application/json; profile=\"a;charset=latin1\"", 200},
      {"application/json; profile=\"a\\\";charset=latin1\"; charset=utf-8", 200},
      {"application/json; charset=latin1", 415},
      {"application/json;charset=utf-16", 415},
      {"application/json; charset=utf-8; charset=latin1", 415},
      {"application/json; v=1; CHARSET=latin1", 415},
      {"application/json; charset=", 415},
      {"application/json; charset", 415},
      {"text/plain", 415},
      {"application/x-www-form-urlencoded", 415},
      {"multipart/form-data; boundary=x", 415},
      {"application/jsonp", 415},
      {"text/plain; application/json", 415},
  };
  for (const Case& c : cases) {
    const Problem problem =
        check("POST /things", "Content-Type: " + std::string(c.type) + "\r\n", body);
    EXPECT_EQ(problem.status, c.status) << c.type;
  }
  EXPECT_EQ(check("POST /things", "", body).status, 415);
  EXPECT_EQ(check("POST /things").status, 415) << "no body at all";
  EXPECT_EQ(check("POST /old/things", "", body).status, 200) << "its clients never said so";
  EXPECT_EQ(check("POST /old/things", "Content-Type: text/plain\r\n", body).status, 200);
}

// Its bytes were read as JSON, and called none.
TEST(CheckRequest, TakesNoCompressedBodies) {
  const std::string body = R"({"name":"a"})";
  struct Case {
    const char* coding;
    int status;
  };
  const Case cases[] = {{"gzip", 415}, {"br, gzip", 415}, {"identity", 200}, {"Identity", 200}};
  for (const Case& c : cases) {
    const std::string coding = "Content-Encoding: " + std::string(c.coding) + "\r\n";
    EXPECT_EQ(check("POST /things", kJson + coding, body).status, c.status) << c.coding;
    EXPECT_EQ(check("POST /old/things", coding, body).status, c.status) << c.coding;
  }
}

// They were written for servers that looked for what they know, and at nothing else.
TEST(CheckRequest, LetsOlderClientsSayWhatNobodyKnows) {
  struct Case {
    const char* query;
    int status;
  };
  const Case cases[] = {
      {"", 200},
      {"limit=7", 200},
      {"limit=7&verbose=1&_=1700000000", 200},
      {"limit=", 200},
      {"limit=7&limit=8", 200},
      {"limit=seven", 400},
  };
  for (const Case& c : cases) {
    const Problem problem =
        check("POST /old/things?" + std::string(c.query), "", R"({"name":"a"})");
    EXPECT_EQ(problem.status, c.status) << c.query << ": " << problem.detail;
  }
}

TEST(CheckRequest, SaysWhereInTheBodyTheMistakeIs) {
  struct Case {
    const char* body;
    const char* pointer;
  };
  const Case cases[] = {
      {R"({"name":"a","part":{"cpu":11}})", "/part/cpu"},
      {R"({"name":"a","part":{"tags":["x",""]}})", "/part/tags/1"},
      {R"({"name":"a","nmae":"b"})", "/nmae"},
      {R"({"name":7})", "/name"},
  };
  for (const Case& c : cases) {
    const Problem problem = check("POST /things", kJson, c.body);
    EXPECT_EQ(problem.status, 400) << c.body;
    EXPECT_EQ(problem.pointer, c.pointer) << c.body;
    EXPECT_EQ(problem.code, "bad_request");
  }
  EXPECT_EQ(check("POST /things", kJson, "{").status, 400);
  EXPECT_EQ(check("POST /things", kJson, R"({})").status, 400) << "name is missing";
}

TEST(CheckRequest, TakesOneOrManyWhereTheRouteDoes) {
  EXPECT_EQ(check("POST /things", kJson, R"([{"name":"a"},{"name":"b"}])").status, 200);
  EXPECT_EQ(check("POST /things", kJson, R"([{"name":"a"},{"nam":"b"}])").pointer, "/1/nam");
  const std::string four = R"([{"name":"a"},{"name":"a"},{"name":"a"},{"name":"a"}])";
  EXPECT_EQ(check("POST /things", kJson, four).status, 400);
  EXPECT_EQ(check("POST /old/things", kJson, R"([{"name":"a"}])").status, 400);
}

TEST(CheckRequest, LetsAnOptionalBodyBeLeftOut) {
  EXPECT_EQ(check("POST /things/7/mend").status, 200);
  EXPECT_EQ(check("POST /things/7/mend", kJson).status, 200);
  EXPECT_EQ(check("POST /things/7/mend", kJson, R"({"cpu":1})").status, 200);
  EXPECT_EQ(check("POST /things/7/mend", "", R"({"cpu":1})").status, 415);
}

TEST(CheckRequest, RefusesABodyThatNobodyWouldRead) {
  EXPECT_EQ(check("GET /things/7", kJson, "{}").status, 400);
  EXPECT_EQ(check("DELETE /things/7", kJson, "{}").status, 400);
}

}  // namespace
}  // namespace berth::net
