#include "net/api/openapi.h"

#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "net/api/apis.h"
#include "tests/net/api/sample_api.h"

namespace berth::net {
namespace {

using Json = nlohmann::json;

Json sample_document() {
  return Json::parse(openapi_document(sample::kApis, "1.2.3"));
}

TEST(OpenApi, HasEveryRouteUnderItsPathAndMethod) {
  const Json document = sample_document();
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["version"], "1.2.3");
  const Json& paths = document["paths"];
  EXPECT_EQ(paths["/things"]["get"]["operationId"], "listThings");
  EXPECT_EQ(paths["/things"]["post"]["operationId"], "addThings");
  EXPECT_EQ(paths["/things/{id}"]["delete"]["operationId"], "dropThing");
  EXPECT_EQ(paths["/old/things"]["post"]["tags"], Json::array({"old"}));
  EXPECT_EQ(paths.size(), 6u);
}

TEST(OpenApi, DescribesParametersAsTheyAreChecked) {
  const Json parameters = sample_document()["paths"]["/things"]["get"]["parameters"];
  const Json& colour = parameters[0];
  EXPECT_EQ(colour["in"], "query");
  EXPECT_EQ(colour["required"], false);
  EXPECT_EQ(colour["schema"]["enum"], Json::array({"red", "green"}));
  EXPECT_EQ(parameters[1]["schema"]["type"], "array");
  EXPECT_EQ(parameters[1]["schema"]["items"]["type"], "string");
  EXPECT_EQ(parameters[2]["schema"]["minimum"], 1);
  EXPECT_EQ(parameters[2]["schema"]["maximum"], 100);
  EXPECT_EQ(parameters[3]["allowEmptyValue"], true);
  EXPECT_EQ(parameters[4]["required"], true);
  EXPECT_EQ(parameters[5]["in"], "header");
  EXPECT_EQ(parameters[5]["name"], "Last-Id");
  EXPECT_EQ(parameters[5]["required"], false);
  const Json id = sample_document()["paths"]["/things/{id}"]["get"]["parameters"][0];
  EXPECT_EQ(id["in"], "path");
  EXPECT_EQ(id["required"], true);
}

// Who makes a client from the document could not say either.
TEST(OpenApi, OfTheServerNamesTheHeadersThatItsRoutesRead) {
  const Json paths = Json::parse(openapi_document(all_apis(), "1.2.3"))["paths"];
  const auto header_of = [&](const char* path, const char* method) -> std::string {
    for (const Json& each : paths[path][method]["parameters"])
      if (each["in"] == "header") return each["name"];
    return {};
  };
  EXPECT_EQ(header_of("/v1/jobs", "post"), "Idempotency-Key");
  for (const char* path : {"/v1/events", "/v1/jobs", "/v1/jobs/{id}", "/v1/workers"})
    EXPECT_EQ(header_of(path, "get"), "Last-Event-ID") << path;
}

TEST(OpenApi, DescribesBodiesAsTheyAreChecked) {
  const Json document = sample_document();
  const Json& many = document["paths"]["/things"]["post"]["requestBody"];
  EXPECT_EQ(many["required"], true);
  const Json& choice = many["content"]["application/json"]["schema"]["oneOf"];
  EXPECT_EQ(choice[0]["$ref"], "#/components/schemas/Thing");
  EXPECT_EQ(choice[1]["maxItems"], 3);
  EXPECT_EQ(document["paths"]["/things/{id}/mend"]["post"]["requestBody"]["required"], false);
  const Json& thing = document["components"]["schemas"]["Thing"];
  EXPECT_EQ(thing["required"], Json::array({"name"}));
  EXPECT_EQ(thing["additionalProperties"], false) << "of a body nothing unknown is taken";
  EXPECT_EQ(thing["properties"]["name"]["minLength"], 1);
  EXPECT_EQ(thing["properties"]["part"]["$ref"], "#/components/schemas/Part");
  const Json& labels = thing["properties"]["labels"]["anyOf"];
  EXPECT_EQ(labels[0]["additionalProperties"]["type"], "string");
  EXPECT_EQ(labels[1]["type"], "null");
  const Json& part = document["components"]["schemas"]["Part"]["properties"];
  EXPECT_EQ(part["cpu"]["maximum"], 10);
  EXPECT_EQ(part["tags"]["items"]["maxLength"], 8);
}

TEST(OpenApi, DescribesAnswersAndWhatGoesWrong) {
  const Json document = sample_document();
  const Json& list = document["paths"]["/things"]["get"]["responses"];
  const Json& items = list["200"]["content"]["application/json"]["schema"];
  EXPECT_EQ(items["type"], "array");
  EXPECT_EQ(items["items"]["$ref"], "#/components/schemas/Thing");
  const Json& wrong = list["default"]["content"]["application/problem+json"]["schema"];
  EXPECT_EQ(wrong["$ref"], "#/components/schemas/Problem");
  EXPECT_FALSE(document["paths"]["/old/things"]["post"]["responses"].contains("default"))
      << "an API with its own words has no problems of ours";
  const Json& health = document["paths"]["/health"]["get"];
  EXPECT_TRUE(health["responses"]["200"]["content"].contains("text/plain; charset=utf-8"));
  EXPECT_EQ(health["security"], Json::array()) << "no token is needed";
}

// Of the server's own document: nothing refers to what is not there, and no two schemas share one
// name.
TEST(OpenApi, OfTheServerIsWhole) {
  const Json document = Json::parse(openapi_document(all_apis(), "1.2.3"));
  std::function<void(const Json&)> visit = [&](const Json& value) {
    if (value.is_object() && value.contains("$ref")) {
      const std::string ref = value["$ref"];
      EXPECT_TRUE(document.contains(Json::json_pointer(ref.substr(1)))) << ref;
    }
    if (value.is_structured())
      for (const Json& inner : value)
        visit(inner);
  };
  visit(document);
  std::map<std::string_view, const JsonSchema*> known;
  std::function<void(const JsonSchema&)> check = [&](const JsonSchema& schema) {
    const auto [at, first] = known.emplace(schema.name, &schema);
    EXPECT_EQ(at->second, &schema) << "two schemas are called " << schema.name;
    if (!first) return;
    EXPECT_FALSE(schema.about.empty()) << schema.name;
    for (const JsonField& field : schema.fields) {
      EXPECT_FALSE(field.about.empty()) << schema.name << "." << field.name;
      if (field.object != nullptr) check(*field.object);
    }
  };
  for (const Api* api : all_apis()) {
    for (const Route& route : api->routes) {
      if (route.body != nullptr) check(*route.body);
      for (const Answer& answer : route.answers)
        if (answer.schema != nullptr) check(*answer.schema);
    }
  }
}

}  // namespace
}  // namespace berth::net
