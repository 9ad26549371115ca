#include "net/api/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/api/apis.h"
#include "tests/net/api/sample_api.h"

namespace berth::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string_view id_of(const Router::Found& found) {
  return found.route == nullptr ? "nothing" : found.route->id;
}

TEST(Router, FindsTheRouteOfAMethodAndAPath) {
  const Router router(sample::kApis);
  struct Case {
    HttpMethod method;
    const char* path;
    const char* id;
  };
  const Case cases[] = {
      {HttpMethod::Get, "/things", "listThings"},
      {HttpMethod::Head, "/things", "listThings"},
      {HttpMethod::Post, "/things", "addThings"},
      {HttpMethod::Get, "/things/7", "getThing"},
      {HttpMethod::Head, "/things/7", "getThing"},
      {HttpMethod::Get, "/things/first", "getFirst"},
      {HttpMethod::Delete, "/things/7", "dropThing"},
      {HttpMethod::Post, "/things/7/mend", "mendThing"},
      {HttpMethod::Post, "/old/things", "oldAdd"},
      {HttpMethod::Put, "/things", "nothing"},
      {HttpMethod::Options, "/things", "nothing"},
      {HttpMethod::Get, "/things/", "nothing"},
      {HttpMethod::Get, "/things/7/", "nothing"},
      {HttpMethod::Get, "/things/7/mend/x", "nothing"},
      {HttpMethod::Get, "/Things", "nothing"},
      {HttpMethod::Get, "/", "nothing"},
      {HttpMethod::Get, "*", "nothing"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(id_of(router.find(c.method, c.path)), c.id) << c.path;
}

TEST(Router, GivesTheValuesOfThePath) {
  const Router router(sample::kApis);
  EXPECT_THAT(router.find(HttpMethod::Get, "/things/7").values, ElementsAre("7"));
  EXPECT_THAT(router.find(HttpMethod::Post, "/things/a b/mend").values, ElementsAre("a b"));
  EXPECT_THAT(router.find(HttpMethod::Get, "/things").values, IsEmpty());
  EXPECT_THAT(router.find(HttpMethod::Get, "/things/{id}").values, ElementsAre("{id}"));
}

TEST(Router, SaysWhatAPathOffersWhenItDoesNotOfferThis) {
  const Router router(sample::kApis);
  const Router::Found found = router.find(HttpMethod::Put, "/things");
  const Problem problem = router.nothing_found(found, HttpMethod::Put, "/things");
  EXPECT_EQ(problem.status, 405);
  EXPECT_EQ(problem.allow, "GET, HEAD, POST, OPTIONS");
  EXPECT_THAT(problem.detail, HasSubstr("PUT"));
  EXPECT_EQ(router.find(HttpMethod::Put, "/things/7/mend").allow, "POST, OPTIONS");
  EXPECT_EQ(
      router.nothing_found(found, HttpMethod::Other, "/things").detail,
      "/things does not take this method");
}

TEST(Router, SaysWhatMayHaveBeenMeantByAPathThereIsNot) {
  const Router router(sample::kApis);
  const auto problem = [&](std::string_view path) {
    const Router::Found found = router.find(HttpMethod::Get, path);
    return router.nothing_found(found, HttpMethod::Get, path);
  };
  EXPECT_EQ(problem("/thing").status, 404);
  EXPECT_THAT(problem("/thing").hint, HasSubstr("/things?"));
  EXPECT_THAT(problem("/zebra").hint, HasSubstr("/v1/openapi.json"));
}

TEST(Router, LeavesPathsBelowAnApisPrefixToItsWords) {
  const Router router(sample::kApis);
  EXPECT_EQ(router.find(HttpMethod::Get, "/old/other").api, &sample::kOldApi);
  EXPECT_EQ(router.find(HttpMethod::Get, "/old/things").api, &sample::kOldApi);
  EXPECT_EQ(router.find(HttpMethod::Get, "/new/other").api, nullptr);
}

// The tables of the server itself: what no compiler checks.
TEST(Router, TakesAllApisOfTheServer) {
  const Router router(all_apis());
  std::vector<std::string_view> ids;
  for (const Api* api : all_apis()) {
    for (const Route& route : api->routes) {
      EXPECT_EQ(id_of(router.find(route.method, route.path)), route.id);
      EXPECT_THAT(ids, testing::Not(testing::Contains(route.id)));
      ids.push_back(route.id);
      EXPECT_TRUE(route.about.ends_with('.')) << route.id;
      EXPECT_FALSE(route.answers.empty()) << route.id;
      for_each_segment(route.path, [&](std::string_view segment) {
        if (!is_parameter(segment)) return;
        const std::string_view name = segment.substr(1, segment.size() - 2);
        EXPECT_TRUE(std::any_of(
            route.parameters.begin(),
            route.parameters.end(),
            [&](const Parameter& parameter) { return parameter.name == name; }))
            << route.id << " has a parameter in its path that is not in its table: " << name;
      });
    }
  }
}

}  // namespace
}  // namespace berth::net
