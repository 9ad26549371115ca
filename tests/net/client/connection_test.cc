#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/client/client.h"
#include "tests/net/client/scripted_server.h"

namespace berth::client {
namespace {

using testing::HasSubstr;
using Answer = std::optional<wire::Reply>;

Answer place_on(const wire::Request& request, wire::Text worker) {
  if (!std::holds_alternative<wire::Place>(request)) return std::nullopt;
  return wire::Placed{.worker = worker, .address = "10.0.0.1:1", .reservation = {7}};
}

ScriptedServer::Script places_on(const char* worker) {
  return [worker](const wire::Request& request) {
    return place_on(request, worker);
  };
}

Options options_for(std::vector<std::string> endpoints) {
  Options options;
  options.endpoints = std::move(endpoints);
  options.backoff_first = Milliseconds(5);
  options.backoff_max = Milliseconds(20);
  options.timeout = Milliseconds(20'000);  // of a test that has failed
  return options;
}

std::unique_ptr<BlockingClient> connect(Options options) {
  Result<std::unique_ptr<BlockingClient>> client = BlockingClient::create(std::move(options));
  EXPECT_TRUE(client.ok());
  return std::move(client).value();
}

/// An endpoint that is taken, so that nobody else can have it, and refuses or accepts connections
/// without ever saying a word.
class MutePort {
 public:
  explicit MutePort(bool accepts) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(accepts ? listen(socket_, 8) : 0, 0);
    socklen_t bytes = sizeof(address);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &bytes);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~MutePort() { close(socket_); }
  const std::string& endpoint() const { return endpoint_; }

 private:
  int socket_;
  std::string endpoint_;
};

TEST(Client, TakesTheNextEndpointWhenOneDoesNotAnswer) {
  const MutePort deaf(false);
  ScriptedServer second(places_on("b"));
  const auto client = connect(options_for({deaf.endpoint(), second.endpoint()}));
  const Result<Placement> placed = client->place({.task = "t"});
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_EQ(placed->worker, "b");
}

TEST(Client, GoesOnAtTheNextEndpointWhenTheFirstIsLost) {
  auto first = std::make_unique<ScriptedServer>(places_on("a"));
  ScriptedServer second(places_on("b"));
  const auto client = connect(options_for({first->endpoint(), second.endpoint()}));
  EXPECT_EQ(client->place({.task = "t"})->worker, "a");
  first.reset();
  const Result<Placement> placed = client->place({.task = "t"});
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_EQ(placed->worker, "b");
}

TEST(Client, ComesBackWhenItsOnlyServerRestarts) {
  auto server = std::make_unique<ScriptedServer>(places_on("a"));
  const uint16_t port = server->port();
  Options options = options_for({server->endpoint()});
  options.rounds_max = 1'000'000;
  const auto client = connect(std::move(options));
  EXPECT_EQ(client->place({.task = "t"})->worker, "a");
  server.reset();
  std::future<Result<Placement>> asked_meanwhile = client->async().place({.task = "u"});
  server = std::make_unique<ScriptedServer>(places_on("again"), port);
  EXPECT_EQ(asked_meanwhile.get()->worker, "again");
}

// The first connection ends with every request unanswered: what may be sent twice is.
TEST(Client, SendsAgainOnlyWhatDoesNoHarmTwice) {
  std::atomic<int> places{0};
  std::atomic<int> beats{0};
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](const wire::Request& request) -> Answer {
    if (std::holds_alternative<wire::Heartbeat>(request)) ++beats;
    if (!std::holds_alternative<wire::Place>(request)) return std::nullopt;
    if (++places == 1) {
      self->drop_connections();
      return std::nullopt;
    }
    return place_on(request, "a");
  });
  self = &server;
  const auto client = connect(options_for({server.endpoint()}));
  std::future<Result<HeartbeatAnswer>> beat = client->async().heartbeat({.worker = "w"});
  std::future<Result<Placement>> placed = client->async().place({.task = "t"});

  const Result<HeartbeatAnswer> beaten = beat.get();
  ASSERT_FALSE(beaten.ok());
  EXPECT_EQ(beaten.error().code, ErrorCode::Unreachable);
  EXPECT_THAT(beaten.error().message, HasSubstr(server.endpoint()));
  EXPECT_EQ(placed.get()->worker, "a");
  EXPECT_EQ(places, 2);
  EXPECT_EQ(beats, 1);
}

TEST(Client, SaysWhichEndpointsAreUnreachable) {
  const MutePort one(false);
  const MutePort two(false);
  const auto client = connect(options_for({one.endpoint(), two.endpoint()}));
  const Result<Placement> placed = client->place({.task = "t"});
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::Unreachable);
  EXPECT_THAT(placed.error().message, HasSubstr(one.endpoint() + " (connection refused)"));
  EXPECT_THAT(placed.error().message, HasSubstr(two.endpoint()));
}

TEST(Client, KeepsTheDeadlineOfARequestThatIsNeverAnswered) {
  ScriptedServer server([](const wire::Request&) { return Answer(); });
  const auto client = connect(options_for({server.endpoint()}));
  const Result<Placement> placed = client->place({.task = "t"}, Milliseconds(50));
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::TimedOut);
  EXPECT_THAT(placed.error().message, HasSubstr(server.endpoint()));
}

// It accepts and says nothing: not even a welcome.
TEST(Client, LeavesAServerThatNeverWelcomesIt) {
  const MutePort silent(true);
  ScriptedServer second(places_on("b"));
  Options options = options_for({silent.endpoint(), second.endpoint()});
  options.connect_timeout = Milliseconds(100);
  const auto client = connect(std::move(options));
  EXPECT_EQ(client->place({.task = "t"})->worker, "b");
}

// Welcomed, then silent: the probe stays unanswered, and what was asked goes to the next server.
TEST(Client, LeavesAServerThatFallsSilent) {
  ScriptedServer silent([](const wire::Request&) { return Answer(); });
  ScriptedServer second(places_on("b"));
  Options options = options_for({silent.endpoint(), second.endpoint()});
  options.silence_max = Milliseconds(100);
  const auto client = connect(std::move(options));
  EXPECT_EQ(client->place({.task = "t"})->worker, "b");
}

TEST(Client, TellsARefusedTokenFromAnAbsentServer) {
  ScriptedServer server([](const wire::Request& request) -> Answer {
    if (!std::holds_alternative<wire::Hello>(request)) return std::nullopt;
    return wire::Refused{.code = wire::Refusal::Denied, .message = "wrong token"};
  });
  const auto client = connect(options_for({server.endpoint()}));
  const Result<Placement> placed = client->place({.task = "t"});
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::Refused);
  EXPECT_EQ(placed.error().refusal, Refusal::Denied);
  EXPECT_THAT(placed.error().message, HasSubstr("wrong token"));
}

TEST(Client, RefusesWhatItCannotSend) {
  ScriptedServer server(places_on("a"));
  const auto client = connect(options_for({server.endpoint()}));
  const Result<Placement> placed = client->place({.task = std::string(2u << 20, 'x')});
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::BadArgument);
  EXPECT_EQ(client->place({.task = "t"})->worker, "a");
}

TEST(Client, RefusesEndpointsThatAreNone) {
  for (const char* list : {"", "host:", "host:port", "a:1,", "host:70000", "::1:7640"}) {
    SCOPED_TRACE(list);
    EXPECT_FALSE(parse_endpoints(list).ok());
  }
  EXPECT_EQ(
      parse_endpoints("one,two:1,[::1]:2").value(),
      (std::vector<std::string>{"one:7640", "two:1", "[::1]:2"}));
  EXPECT_FALSE(Client::create(options_for({})).ok());
}

}  // namespace
}  // namespace berth::client
