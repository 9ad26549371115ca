#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "net/api/list_answer.h"
#include "tests/net/gateway/gateway_lab.h"

namespace berth::net {
namespace {

using testing::HasSubstr;

constexpr uint32_t kMany = 2'000;
constexpr size_t kNextPages = (kMany - ListAnswer::kFirstRows - 1) / ListAnswer::kPieceRows + 1;

/// Turns until all have their answers; of every turn, how many pages it made behind the first ones.
size_t most_pages_in_a_turn(GatewayLab& lab, std::vector<LabClient*> clients) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  size_t most = 0;
  while (std::erase_if(clients, [](LabClient* client) { return client->done(); }),
         !clients.empty()) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "no answer within two minutes";
      break;
    }
    const size_t before = lab.fleet.next_pages;
    lab.turn();
    most = std::max(most, lab.fleet.next_pages - before);
  }
  return most;
}

void turn_until_pages(GatewayLab& lab, LabClient& client, size_t pages) {
  while (lab.fleet.next_pages < pages && !client.done())
    lab.turn();
}

std::string ids_in(const std::string& body, const char* list, const char* id) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << body.substr(0, 200);
  if (json.is_discarded()) return "";
  std::string all;
  for (const nlohmann::json& row : *list == '\0' ? json : json[list])
    all += (all.empty() ? "" : " ") + row[id].get<std::string>();
  return all;
}

TEST(LargeAnswers, AreMadeAPieceInATurnAndAreWhole) {
  struct Case {
    const char* target;
    const char* list;
    const char* id;
  };
  const Case cases[] = {
      {"/v1/workers", "workers", "id"},
      {"/api/v1/workers", "", "WorkerID"},
      {"/workers", "", "worker_id"},
      {"/api/workers/list", "workers", "workerId"},
      {"/v1/plans/latest", "jobs", "worker_id"},
  };
  for (const char* headers : {"", "Accept-Encoding: gzip\r\n"}) {
    for (const Case& c : cases) {
      GatewayLab lab(kMany);
      LabClient client(lab, c.target, headers);
      EXPECT_EQ(most_pages_in_a_turn(lab, {&client}), 1u) << c.target;
      EXPECT_EQ(lab.fleet.next_pages, kNextPages) << c.target;
      EXPECT_EQ(ids_in(client.body(), c.list, c.id), lab.fleet.ids()) << c.target;
    }
  }
}

TEST(LargeAnswers, OthersAreServedBetweenTwoPieces) {
  GatewayLab lab(kMany);
  LabClient large(lab, "/v1/workers");
  turn_until_pages(lab, large, 3);
  LabClient small(lab, "/livez");
  most_pages_in_a_turn(lab, {&small});
  EXPECT_THAT(small.answer(), HasSubstr("200 OK"));
  EXPECT_LT(lab.fleet.next_pages, kNextPages) << "the large one came first";
  EXPECT_FALSE(large.done());
}

TEST(LargeAnswers, SeveralShareTheTurnsOfOne) {
  GatewayLab lab(kMany);
  LabClient one(lab, "/v1/workers"), other(lab, "/v1/workers"), third(lab, "/api/v1/workers");
  EXPECT_EQ(most_pages_in_a_turn(lab, {&one, &other, &third}), 1u);
  EXPECT_EQ(lab.fleet.next_pages, 3 * kNextPages);
  EXPECT_EQ(one.body(), other.body());
  EXPECT_EQ(ids_in(third.body(), "", "WorkerID"), lab.fleet.ids());
}

TEST(LargeAnswers, WhatFitsIntoOnePieceIsAnsweredAtOnceAndAsAWhole) {
  GatewayLab lab(ListAnswer::kFirstRows);
  LabClient large(lab, "/v1/workers");
  EXPECT_EQ(most_pages_in_a_turn(lab, {&large}), 0u);
  EXPECT_THAT(large.answer(), HasSubstr("Content-Length"));
  EXPECT_EQ(ids_in(large.body(), "workers", "id"), lab.fleet.ids());
}

TEST(LargeAnswers, WhoGoesIsNotWorkedForAndHoldsNobodyUp) {
  GatewayLab lab(kMany);
  LabClient gone(lab, "/v1/workers");
  turn_until_pages(lab, gone, 3);
  gone.leave();
  LabClient other(lab, "/v1/workers");
  most_pages_in_a_turn(lab, {&other});
  EXPECT_EQ(ids_in(other.body(), "workers", "id"), lab.fleet.ids());
  EXPECT_LT(lab.fleet.next_pages, 2 * kNextPages);
}

TEST(LargeAnswers, OneThatCannotGoOnIsNoJson) {
  for (const char* target :
       {"/v1/workers", "/api/v1/workers", "/workers", "/api/workers/list", "/v1/plans/latest"}) {
    GatewayLab lab(kMany);
    lab.fleet.answers = false;
    LabClient client(lab, target);
    most_pages_in_a_turn(lab, {&client});
    EXPECT_THAT(client.body(), HasSubstr("w0")) << target;
    EXPECT_TRUE(nlohmann::json::parse(client.body(), nullptr, false).is_discarded()) << target;
  }
}

}  // namespace
}  // namespace berth::net
