#include "net/api/auth.h"

#include <gmock/gmock.h>

#include "tests/net/api/asked.h"

namespace berth::net {
namespace {

int judge(const AccessRules& rules, const std::string& line, const std::string& headers) {
  Asked asked(line, headers);
  Problem problem;
  problem.status = 200;
  const bool in = Doorman(rules).admit(asked.request(), false, problem);
  EXPECT_EQ(in, problem.status == 200);
  EXPECT_EQ(in, problem.detail.empty() && problem.hint.empty());
  return problem.status;
}

struct Case {
  const char* what;
  std::string headers;
  int status;
};

TEST(Doorman, KnowsTheTokenInEitherHeaderAndNothingElse) {
  const AccessRules rules = {.token = "s3cret", .bound_host = "127.0.0.1", .hosts = {}};
  const Case cases[] = {
      {"no token", "", 401},
      {"the right one", "Authorization: Bearer s3cret\r\n", 200},
      {"the scheme in another case", "Authorization: bearer s3cret\r\n", 200},
      {"with spaces", "Authorization: Bearer   s3cret\r\n", 200},
      {"in the other header", "X-API-Token: s3cret\r\n", 200},
      {"right in one, wrong in the other",
       "Authorization: Bearer no\r\nX-API-Token: s3cret\r\n",
       200},
      {"its beginning", "Authorization: Bearer s3cre\r\n", 401},
      {"more than it", "Authorization: Bearer s3crets\r\n", 401},
      {"it twice", "X-API-Token: s3crets3cret\r\n", 401},
      {"in another case", "X-API-Token: S3CRET\r\n", 401},
      {"empty", "X-API-Token: \r\n", 401},
      {"another scheme", "Authorization: Basic s3cret\r\n", 401},
      {"no scheme", "Authorization: s3cret\r\n", 401},
  };
  for (const Case& c : cases)
    EXPECT_EQ(judge(rules, "GET /v1/stats", c.headers), c.status) << c.what;
}

TEST(Doorman, LetsHealthBeAskedForWithoutAToken) {
  const AccessRules rules = {.token = "s3cret", .bound_host = "127.0.0.1", .hosts = {}};
  Asked asked("GET /livez");
  Problem problem;
  EXPECT_TRUE(Doorman(rules).admit(asked.request(), true, problem));
}

// A page of evil.example.org whose name suddenly leads to 127.0.0.1 asks for evil.example.org.
TEST(Doorman, AnswersOnlyToNamesThatAreItsOwn) {
  const AccessRules loopback = {
      .token = "", .bound_host = "10.0.0.7", .hosts = {"Berth.example.org", "b2"}};
  const Case cases[] = {
      {"localhost", "Host: localhost:7641\r\n", 200},
      {"in capitals, with a dot", "Host: LocalHost.\r\n", 200},
      {"loopback", "Host: 127.0.0.1:7641\r\n", 200},
      {"loopback too", "Host: 127.1.2.3\r\n", 200},
      {"loopback of IPv6", "Host: [::1]:7641\r\n", 200},
      {"what it is bound to", "Host: 10.0.0.7:80\r\n", 200},
      {"a name it was given", "Host: berth.example.org\r\n", 200},
      {"another", "Host: B2:17\r\n", 200},
      {"a name of somebody else", "Host: evil.example.org\r\n", 421},
      {"one that begins alike", "Host: localhost.example.org\r\n", 421},
      {"one that ends alike", "Host: evil-berth.example.org\r\n", 421},
      {"another address", "Host: 10.0.0.8\r\n", 421},
      {"no address", "Host: 127.0.0.1.example.org\r\n", 421},
  };
  for (const Case& c : cases)
    EXPECT_EQ(judge(loopback, "GET /v1/stats", c.headers), c.status) << c.what;
  const AccessRules everywhere = {.token = "", .bound_host = "0.0.0.0", .hosts = {}};
  EXPECT_EQ(judge(everywhere, "GET /v1/stats", "Host: 192.0.2.1:7641\r\n"), 200);
  EXPECT_EQ(judge(everywhere, "GET /v1/stats", "Host: [2001:db8::1]\r\n"), 200);
  EXPECT_EQ(judge(everywhere, "GET /v1/stats", "Host: evil.example.org\r\n"), 421);
}

// RFC 9112, 3.2.2: the Host header means nothing where the target names somebody.
TEST(Doorman, TakesTheNameInTheTargetForTheHost) {
  const AccessRules rules = {
      .token = "", .bound_host = "127.0.0.1", .hosts = {"berth.example.org"}};
  const std::string ours = "Host: localhost\r\n";
  const std::string theirs = "Host: evil.example.org\r\n";
  EXPECT_EQ(judge(rules, "GET http://localhost:7641/v1/stats", ours), 200);
  EXPECT_EQ(judge(rules, "GET http://Berth.example.org/v1/stats", ours), 200);
  EXPECT_EQ(judge(rules, "GET http://evil.example.org/v1/stats", ours), 421);
  EXPECT_EQ(judge(rules, "GET http://localhost.evil.example.org/v1/stats", ours), 421);
  EXPECT_EQ(judge(rules, "GET http://localhost/v1/stats", theirs), 200);
  const std::string page = "Origin: http://evil.example.org\r\n";
  EXPECT_EQ(judge(rules, "POST http://localhost/v1/place", theirs + page), 403);
  EXPECT_EQ(
      judge(rules, "POST http://localhost/v1/place", ours + "Origin: http://localhost\r\n"), 200);
}

TEST(Doorman, LetsNoPageOfAnotherSiteChangeAnything) {
  const AccessRules rules = {.token = "", .bound_host = "127.0.0.1", .hosts = {}};
  const std::string host = "Host: localhost:7641\r\n";
  const std::string ours = host + "Origin: http://localhost:7641\r\n";
  const std::string theirs = host + "Origin: https://evil.example.org\r\n";
  const std::string nobodys = host + "Origin: null\r\n";
  EXPECT_EQ(judge(rules, "POST /v1/place", host), 200);
  EXPECT_EQ(judge(rules, "POST /v1/place", ours), 200);
  EXPECT_EQ(judge(rules, "POST /v1/place", theirs), 403);
  EXPECT_EQ(judge(rules, "POST /v1/place", nobodys), 403);
  EXPECT_EQ(judge(rules, "DELETE /v1/workers/w", theirs), 403);
  EXPECT_EQ(judge(rules, "GET /v1/workers", theirs), 200) << "its page is not shown the answer";
}

}  // namespace
}  // namespace berth::net
