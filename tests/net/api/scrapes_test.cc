#include "net/api/scrapes.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/check.h"
#include "net/api/http_counts.h"
#include "tests/net/api/asked.h"

namespace berth::net {
namespace {

/// A client that scrapes, and what it was sent.
class Scraper final : public Exchange {
 public:
  explicit Scraper(const std::string& headers = "") : asked_("GET /metrics", headers) {}

  void leave() { std::exchange(gone_, nullptr)(); }

  std::vector<std::string> pages;
  std::string gzip;

  const HttpRequest& request() const override { return asked_.request(); }
  void answer(const HttpResponse& response) override {
    pages.emplace_back(response.body);
    gzip = response.gzip;
    gone_ = nullptr;
  }
  void when_gone(std::function<void()> then) override { gone_ = std::move(then); }

  // Not asked for here.
  const Route& route() const override { unexpected(); }
  std::string_view parameter(std::string_view) const override { unexpected(); }
  uint64_t number(std::string_view, uint64_t) const override { unexpected(); }
  const JsonReader& body() const override { unexpected(); }
  Services& services() override { unexpected(); }
  void ask(const wire::Request&, Then) override { unexpected(); }
  JsonOut& json() override { unexpected(); }
  void answer(int) override { unexpected(); }
  void problem(const Problem&) override { unexpected(); }
  void begin(const HttpResponse&) override { unexpected(); }
  void write(std::string_view) override { unexpected(); }
  bool writable() const override { unexpected(); }
  void when_writable(std::function<void()>) override { unexpected(); }
  void go_on(std::function<void()>) override { unexpected(); }
  void end() override { unexpected(); }

 private:
  [[noreturn]] static void unexpected() {
    BERTH_CHECK(false);
    std::abort();
  }

  mutable Asked asked_;
  std::function<void()> gone_;
};

class ScrapesTest : public ::testing::Test {
 protected:
  static core::Settings one_shard() {
    core::Settings settings;
    settings.shards = 1;
    return settings;
  }
  void beat() { tables.counters.of(0).add(core::Counter::Heartbeats); }
  static std::string beats(int count) {
    return "berth_heartbeats_total " + std::to_string(count) + "\n";
  }
  void turn(int64_t ms) { scrapes.on_turn_end({core::Instant{} + at(ms), 1'000 + ms}); }
  static core::Duration at(int64_t ms) { return core::Duration::milliseconds(ms); }

  core::Tables tables{one_shard()};
  HttpCounts http;
  MetricsPage page{tables, http};
  Scrapes scrapes{page};
};

TEST_F(ScrapesTest, TheFirstAfterAPauseIsAnsweredInItsTurn) {
  Scraper one;
  for (const int64_t ms : {0, 10, 500}) {
    one.pages.clear();
    scrapes.add(one);
    turn(ms);
    EXPECT_EQ(one.pages.size(), 1u) << ms;
    EXPECT_FALSE(scrapes.waited_for());
  }
}

TEST_F(ScrapesTest, WhoComesSoonAfterAPageWaitsAndSeesWhatHappenedMeanwhile) {
  Scraper first, loop;
  scrapes.add(first);
  turn(100);
  beat();
  scrapes.add(loop);
  turn(101);
  turn(109);
  EXPECT_TRUE(loop.pages.empty()) << "a page each time would take a core";
  EXPECT_TRUE(scrapes.waited_for());
  EXPECT_EQ(scrapes.due(), core::Instant{} + at(110));
  beat();
  turn(110);
  ASSERT_EQ(loop.pages.size(), 1u);
  EXPECT_THAT(loop.pages[0], ::testing::HasSubstr(beats(2))) << "no number is older than the wait";
}

TEST_F(ScrapesTest, AllWhoWaitGetOnePageAndItsGzipIsMadeForThoseThatTakeIt) {
  Scraper first, plain, zipped("Accept-Encoding: gzip\r\n"), again("Accept-Encoding: gzip\r\n");
  scrapes.add(first);
  turn(100);
  for (Scraper* each : {&plain, &zipped, &again})
    scrapes.add(*each);
  turn(110);
  ASSERT_EQ(plain.pages.size(), 1u);
  EXPECT_EQ(plain.pages, zipped.pages);
  EXPECT_EQ(plain.pages, again.pages);
  EXPECT_EQ(plain.gzip, "");
  EXPECT_EQ(zipped.gzip.substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(zipped.gzip, again.gzip);
  const std::string old = zipped.gzip;
  beat();
  scrapes.add(zipped);
  turn(120);
  EXPECT_EQ(zipped.pages.size(), 2u);
  EXPECT_NE(zipped.gzip, old) << "the gzip of the page before";
}

TEST_F(ScrapesTest, WhoGoesWhileItWaitsIsLetGo) {
  Scraper first, other;
  scrapes.add(first);
  turn(100);
  scrapes.add(other);
  scrapes.add(first);
  other.leave();
  turn(110);
  EXPECT_TRUE(other.pages.empty());
  EXPECT_EQ(first.pages.size(), 2u);
}

}  // namespace
}  // namespace berth::net
