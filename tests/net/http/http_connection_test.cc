#include "net/http/http_connection.h"

#include <zlib.h>

#include <regex>

#include <gtest/gtest.h>

#include "tests/net/http/http_lab.h"
#include "tests/net/support/wire_peer.h"

namespace berth::net {
namespace {

/// Heads without what differs from run to run, on lines that fit a table: `200 OK|name: value|…`.
std::string plain(const std::string& answer) {
  std::string text = std::regex_replace(answer, std::regex("Date: [^\r]* GMT\r\n"), "");
  text = std::regex_replace(text, std::regex("HTTP/1.1 "), "");
  text = std::regex_replace(text, std::regex("Content-Type: text/plain; charset=utf-8\r\n"), "");
  return std::regex_replace(text, std::regex("\r\n"), "|");
}

std::string talk(HttpLab& lab, const std::string& bytes) {
  WirePeer peer(lab.address());
  peer.send(bytes);
  peer.end_sending();
  return plain(peer.read_all());
}

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

std::string decompressed(const std::string& bytes) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  std::string text(64u << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

std::string unchunked(std::string_view body) {
  std::string text;
  while (true) {
    const size_t size = std::stoul(std::string(body.substr(0, body.find('\r'))), nullptr, 16);
    body.remove_prefix(body.find('\n') + 1);
    if (size == 0) return text;
    text += body.substr(0, size);
    body.remove_prefix(size + 2);
  }
}

TEST(HttpConnection, AnswersInTheOrderOfTheRequests) {
  HttpLab lab;
  const std::string large = "Content-Length: 3\r\n";
  struct Case {
    const char* what;
    std::string bytes;
    std::string answer;
  };
  const Case cases[] = {
      {"one request, then the peer ends its side",
       get("/echo"),
       "200 OK|Content-Length: 12||GET /echo []"},
      {"one that is answered later", get("/later"), "200 OK|Content-Length: 13||GET /later []"},
      {"two, of which the first takes longer",
       get("/later") + get("/echo"),
       "200 OK|Content-Length: 13||GET /later []200 OK|Content-Length: 12||GET /echo []"},
      {"bodies",
       "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" +
           std::string("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "2\r\nho\r\n0\r\n\r\n"),
       "200 OK|Content-Length: 16||POST /later [hi]200 OK|Content-Length: 15||POST /echo [ho]"},
      {"HEAD", "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK|Content-Length: 13||"},
      {"HEAD of a stream",
       "HEAD /stream?9 HTTP/1.1\r\nHost: a\r\n\r\n",
       "200 OK|Vary: Accept-Encoding|Transfer-Encoding: chunked||"},
      {"nothing to say", get("/empty"), "204 No Content||"},
      {"an answer without a body", get("/nowhere"), "404 Not Found|Content-Length: 0||"},
      {"a stream",
       get("/stream?4099") + get("/echo"),
       "200 OK|Vary: Accept-Encoding|Transfer-Encoding: chunked||1000|" + std::string(4096, 'x') +
           "|3|xxx|0||200 OK|Content-Length: 12||GET /echo []"},
      {"nothing behind the last request",
       get("/echo", "Connection: close\r\n") + get("/echo"),
       "200 OK|Content-Length: 12|Connection: close||GET /echo []"},
      {"nor behind a last one that takes longer",
       get("/later", "Connection: close\r\n") + get("/echo"),
       "200 OK|Content-Length: 13|Connection: close||GET /later []"},
      {"1.0 ends",
       "GET /echo HTTP/1.0\r\n\r\n",
       "200 OK|Content-Length: 12|Connection: close||GET /echo []"},
      {"1.0 goes on when it asks to",
       "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /echo HTTP/1.0\r\n\r\n",
       "200 OK|Content-Length: 12|Connection: keep-alive||GET /echo []"
       "200 OK|Content-Length: 12|Connection: close||GET /echo []"},
      {"a stream for 1.0 goes to the end",
       "GET /stream?3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
       "200 OK|Vary: Accept-Encoding|Connection: close||xxx"},
      {"bad bytes end it, after what was good",
       get("/later") + "GET  / HTTP/1.1\r\n\r\n" + get("/echo"),
       "200 OK|Content-Length: 13||GET /later []400 Bad Request|Content-Length: 47|Connection: "
       "close||"
       "the request line is not 'METHOD /path HTTP/1.1'"},
      {"half a request", "GET /echo HTTP/1.1\r\nHo", ""},
      {"nothing", "", ""},
  };
  for (const Case& c : cases)
    EXPECT_EQ(talk(lab, c.bytes), c.answer) << c.what;
  while (lab.ended < lab.connections)
    std::this_thread::yield();
}

TEST(HttpConnection, TellsWhoeverWaitsToGoOn) {
  HttpLab lab;
  WirePeer peer(lab.address());
  peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(plain(peer.read_until("\r\n\r\n")), "100 Continue||");
  peer.send(std::string("hi"));
  peer.end_sending();
  EXPECT_EQ(plain(peer.read_all()), "200 OK|Content-Length: 15||POST /echo [hi]");
}

TEST(HttpConnection, CompressesWhatIsLargeForThoseWhoTakeIt) {
  HttpLab lab;
  const std::string gzip = "Accept-Encoding: gzip\r\nConnection: close\r\n";
  const auto answer = [&](const std::string& bytes) {
    WirePeer peer(lab.address());
    peer.send(bytes);
    return peer.read_all();
  };
  EXPECT_EQ(decompressed(body_of(answer(get("/large?5000000", gzip)))), std::string(5000000, 'x'));
  EXPECT_EQ(
      decompressed(unchunked(body_of(answer(get("/stream?5000000", gzip))))),
      std::string(5000000, 'x'));
  EXPECT_EQ(
      plain(answer(get("/large?5000", gzip))).substr(0, 66),
      "200 OK|Vary: Accept-Encoding|Content-Encoding: gzip|Content-Length");
  EXPECT_EQ(
      plain(answer(get("/large?9", gzip))),
      "200 OK|Content-Length: 9|Connection: close||xxxxxxxxx");
  EXPECT_EQ(
      plain(answer(get("/large?1024", "Connection: close\r\n"))),
      "200 OK|Vary: Accept-Encoding|Content-Length: 1024|Connection: close||" +
          std::string(1024, 'x'));
}

TEST(HttpConnection, EndsThoseWhoAreSlow) {
  HttpLimits limits;
  limits.head_ms = 100;
  limits.body_ms = 100;
  limits.idle_ms = 100;
  HttpLab lab(limits);
  const std::pair<std::string, std::string> cases[] = {
      {"GET / HTTP/1.1\r\nHost:",
       "408 Request Timeout|Content-Length: 37|Connection: close||the head of the request took too "
       "long"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel",
       "408 Request Timeout|Content-Length: 22|Connection: close||the body took too long"},
      {"", ""},
      {get("/echo"), "200 OK|Content-Length: 12||GET /echo []"},
  };
  for (const auto& [bytes, answer] : cases) {
    WirePeer peer(lab.address());
    peer.send(bytes);
    EXPECT_EQ(plain(peer.read_all()), answer) << bytes;
  }
}

TEST(HttpConnection, AHeadThatTricklesInIsStillTooSlow) {
  HttpLimits limits;
  limits.head_ms = 100;
  limits.head_bytes_max = 1u << 30;
  HttpLab lab(limits);
  WirePeer peer(lab.address());
  bool good = peer.send(std::string("GET / HTTP/1.1\r\nHost: a\r\nX: "));
  while (good && !peer.has_input())
    good = peer.send(std::string("x"));
  EXPECT_EQ(plain(peer.read_until("\r\n\r\n")).substr(0, 19), "408 Request Timeout");
}

TEST(HttpConnection, AFloodThatNobodyReadsIsHeldBack) {
  HttpLab lab;
  WirePeer peer(lab.address(), 4096);
  std::string flood;
  constexpr size_t kRequests = 10'000;
  for (size_t i = 0; i < kRequests; ++i)
    flood += get("/large?1000");
  std::thread sender([&] { peer.send(flood), peer.end_sending(); });
  while (lab.requests < 100)
    std::this_thread::yield();
  const std::string all = peer.read_all();
  sender.join();
  size_t answers = 0;
  for (size_t at = all.find("200 OK"); at != all.npos; at = all.find("200 OK", at + 1))
    ++answers;
  EXPECT_EQ(answers, kRequests);
  // What makes it pause, and the answer that went over it.
  EXPECT_LT(lab.unsent_most, StreamLimits().unsent_pause_bytes + 4096);
}

TEST(HttpConnection, WhatIsSentAheadIsDroppedWhenMemoryIsShort) {
  HttpLab lab;
  lab.budget.bytes_max = 0;
  // The first is never looked beyond before its answer, so all behind it has to be kept.
  const std::string ahead = get("/echo", "X: " + std::string(30'000, 'x') + "\r\n");
  EXPECT_EQ(
      talk(lab, get("/later") + ahead),
      "200 OK|Content-Length: 13|Connection: close||GET /later []");
}

TEST(HttpConnection, WhoEndsItsSideIsAnsweredSoonOrNotAtAll) {
  HttpLimits limits;
  limits.gone_ms = 100;
  HttpLab lab(limits);
  EXPECT_EQ(talk(lab, get("/later")), "200 OK|Content-Length: 13||GET /later []");
  EXPECT_EQ(talk(lab, get("/never")), "");
  WirePeer open(lab.address());
  open.send(get("/never"));
  while (lab.requests < 3)
    std::this_thread::yield();
  EXPECT_EQ(talk(lab, get("/never")), "");
  while (lab.connections - lab.ended > 1)  // a peer sees its end before the lab counts it
    std::this_thread::yield();
  EXPECT_EQ(lab.connections - lab.ended, 1u) << "who keeps its side open waits on";
}

TEST(HttpConnection, AStreamWaitsForItsReader) {
  HttpLab lab;
  WirePeer peer(lab.address(), 4096);
  peer.send(get("/stream?20000000", "Connection: close\r\n"));
  EXPECT_EQ(unchunked(body_of(peer.read_all())).size(), 20'000'000u);
  EXPECT_LT(lab.unsent_most, StreamLimits().unsent_pause_bytes + 2 * 4096);
}

TEST(HttpConnection, WhoDoesNotReadIsCutOff) {
  HttpLab lab;
  lab.stream_limits.stall_ms = 100;
  WirePeer peer(lab.address(), 4096);
  peer.send(get("/stream?20000000"));
  while (lab.ended == 0)
    std::this_thread::yield();
}

TEST(HttpConnection, SeesThatItsClientHasGoneWhileItWorks) {
  HttpLab lab;
  {
    WirePeer peer(lab.address());
    peer.send(get("/never"));
    while (lab.requests == 0)
      std::this_thread::yield();
    peer.reset_on_close();
  }
  while (lab.ended == 0)
    std::this_thread::yield();
}

}  // namespace
}  // namespace berth::net
