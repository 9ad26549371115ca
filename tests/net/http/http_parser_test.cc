#include "net/http/http_parser.h"

#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace berth::net {
namespace {

using Outcome = HttpParser::Outcome;

/// What a parser made of a stream, as one line a person can compare.
std::string story(const HttpLimits& limits, const std::vector<std::string_view>& pieces) {
  HttpParser parser(limits);
  std::string said;
  for (std::string_view piece : pieces) {
    bool first = true;
    while (first || !piece.empty()) {
      first = false;
      size_t taken = 0;
      const Outcome outcome = parser.feed(piece, taken);
      piece.remove_prefix(taken);
      if (outcome == Outcome::Continue) said += "continue ";
      if (outcome == Outcome::Bad) {
        return said + std::to_string(parser.status()) + " " + std::string(parser.problem());
      }
      if (outcome != Outcome::Request) continue;
      const HttpRequest& request = parser.request();
      said += std::string(http_method_name(request.method)) + " " + std::string(request.path());
      for (const auto& [name, value] : request.query())
        said += " " + std::string(name) + "=" + std::string(value);
      if (!request.body().empty()) said += " [" + std::string(request.body()) + "]";
      said += request.keep_alive ? "; " : " close; ";
      parser.next();
    }
  }
  return said + (parser.finish() ? "" : "unfinished");
}

std::string story(const HttpLimits& limits, const std::string& bytes) {
  return story(limits, std::vector<std::string_view>{bytes});
}

/// The same bytes, split in other places.
void expect_the_same_however_split(const HttpLimits& limits, const std::string& bytes) {
  const std::string whole = story(limits, bytes);
  std::vector<std::string_view> pieces;
  for (size_t at = 0; at < bytes.size(); ++at)
    pieces.push_back(std::string_view(bytes).substr(at, 1));
  EXPECT_EQ(story(limits, pieces), whole) << "byte by byte: " << bytes;
  std::minstd_rand random(static_cast<uint32_t>(bytes.size()));
  for (int round = 0; round < 20; ++round) {
    pieces.clear();
    for (size_t at = 0; at < bytes.size();) {
      const size_t size = std::min<size_t>(1 + random() % 40, bytes.size() - at);
      pieces.push_back(std::string_view(bytes).substr(at, size));
      at += size;
    }
    EXPECT_EQ(story(limits, pieces), whole) << "round " << round << ": " << bytes;
  }
}

struct Case {
  const char* what;
  std::string bytes;
  std::string story;
};

void check(const HttpLimits& limits, std::span<const Case> cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(story(limits, c.bytes), c.story) << c.what;
    expect_the_same_however_split(limits, c.bytes);
  }
}

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string with(const std::string& header) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + header + "\r\n\r\n";
}

std::string post(const std::string& headers, const std::string& body) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

TEST(HttpParser, ReadsWhatClientsSend) {
  const Case cases[] = {
      {"a plain GET", get("/livez"), "GET /livez; "},
      {"the root", get("/"), "GET /; "},
      {"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /; "},
      {"a body with a length", post("Content-Length: 5\r\n", "hello"), "POST /x [hello]; "},
      {"no body", post("Content-Length: 0\r\n", ""), "POST /x; "},
      {"chunks",
       post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
       "POST /x [hello world]; "},
      {"chunks with an extension and a trailer",
       post("Transfer-Encoding: Chunked\r\n", "5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
       "POST /x [hello]; "},
      {"pipelined",
       get("/a") + post("Content-Length: 2\r\n", "hi") + get("/b"),
       "GET /a; POST /x [hi]; GET /b; "},
      {"chunks, then another request",
       post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n") + get("/b"),
       "POST /x [x]; GET /b; "},
      {"an empty line in front", "\r\n" + get("/a"), "GET /a; "},
      {"a query", get("/a?x=1&y&z=a%20b+c&&x=2"), "GET /a x=1 y= z=a b c x=2; "},
      {"escapes", get("/w%C3%BCrfel/a%2Bb/a+b"), "GET /würfel/a+b/a+b; "},
      {"a query that looks like a path", get("/a?p=../..//%2f"), "GET /a p=../..///; "},
      {"a client that waits",
       post("Content-Length: 2\r\nExpect: 100-continue\r\n", "hi"),
       "continue POST /x [hi]; "},
      {"one that waits for chunks",
       post("Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n", "1\r\nx\r\n0\r\n\r\n"),
       "continue POST /x [x]; "},
      {"one that waits for nothing",
       post("Content-Length: 0\r\nExpect: 100-continue\r\n", ""),
       "POST /x; "},
      {"the last one", with("Connection: close"), "GET / close; "},
      {"1.0", "GET / HTTP/1.0\r\n\r\n", "GET / close; "},
      {"1.0, kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /; "},
      {"1.0 cannot wait",
       "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi",
       "POST / [hi] close; "},
      {"an offer to speak something else is passed over",
       with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA") +
           get("/b"),
       "GET /; GET /b; "},
      {"one with chunks",
       post(
           "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n",
           "1\r\nx\r\n0\r\n\r\n") +
           get("/b"),
       "POST /x [x]; GET /b; "},
      {"a method that is known and not ours",
       "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
       "other /; "},
      {"half a head", "GET / HTTP/1.1\r\nHos", "unfinished"},
      {"half a body", post("Content-Length: 5\r\n", "hel"), "unfinished"},
      {"nothing", "", ""},
  };
  check({}, cases);
}

TEST(HttpParser, RefusesWhatTwoReadersCouldReadInTwoWays) {
  const std::string twice = "400 a header that may come once came twice";
  const std::string ways = "400 the body's length is given in two ways";
  const std::string bare = "400 a line ends in CR or LF alone";
  const Case cases[] = {
      {"both lengths",
       post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET"),
       ways},
      {"both, the other way round",
       post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\nGET"),
       ways},
      {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), ways},
      {"the same length twice", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), ways},
      {"a list of lengths",
       post("Content-Length: 3, 3\r\n", "abc"),
       "400 Content-Length is no number"},
      {"a signed length", post("Content-Length: +3\r\n", "abc"), "400 Content-Length is no number"},
      {"a length below nothing",
       post("Content-Length: -1\r\n", ""),
       "400 Content-Length is no number"},
      {"no length after all", post("Content-Length: \r\n", ""), "400 Content-Length is no number"},
      {"a length in hex",
       post("Content-Length: 0x3\r\n", "abc"),
       "400 Content-Length is no number"},
      {"a length beyond 64 bits",
       post("Content-Length: 99999999999999999999\r\n", ""),
       "400 Content-Length is no number"},
      {"two codings",
       post("Transfer-Encoding: gzip, chunked\r\n", ""),
       "501 the only Transfer-Encoding that is understood is 'chunked'"},
      {"a coding twice",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""),
       "400 Transfer-Encoding is malformed"},
      {"identity",
       post("Transfer-Encoding: identity\r\n", ""),
       "501 the only Transfer-Encoding that is understood is 'chunked'"},
      {"a coding in disguise",
       post("Transfer-Encoding: xchunked\r\n", ""),
       "501 the only Transfer-Encoding that is understood is 'chunked'"},
      {"a coding in 1.0",
       "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
       "400 HTTP/1.0 has no Transfer-Encoding"},
      {"a space before the colon",
       post("Content-Length : 3\r\n", "abc"),
       "400 a header is malformed"},
      {"a tab before the colon", with("X\t: 3"), "400 a header is malformed"},
      {"a folded header", with("X: a\r\n b"), "400 a line begins with a space"},
      {"a first header with a space in front",
       "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
       "400 a line begins with a space"},
      {"no colon", with("Xyz"), "400 a header is malformed"},
      {"no name", with(": a"), "400 a header's name has a character that no name may have"},
      {"a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", bare},
      {"a bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", bare},
      {"a bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", bare},
      {"a bare CR in a header", with("X: a\rb"), bare},
      {"two CRs", with("X: a\r"), bare},
      {"a NUL", with(std::string("X: a\0b", 6)), "400 the head has a control character"},
      {"a control character in a header", with("X: a\x01"), "400 the head has a control character"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400 HTTP/1.1 needs a Host header"},
      {"two Hosts", with("Host: b"), twice},
      {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 Host is no name or address"},
      {"two names in one Host",
       "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
       "400 Host is no name or address"},
      {"a user in Host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "400 Host is no name or address"},
      {"two tokens", with("Authorization: Bearer a\r\nAuthorization: Bearer b"), twice},
      {"an unknown expectation",
       post("Content-Length: 2\r\nExpect: a-miracle\r\n", "hi"),
       "417 the only Expect that is understood is '100-continue'"},
      {"empty lines without end",
       "\r\n\r\n\r\n\r\n\r\n",
       "400 there are empty lines in front of the request"},
      {"a bare LF in front", "\n" + get("/"), "400 there are empty lines in front of the request"},
  };
  check({}, cases);
}

TEST(HttpParser, RefusesRequestLinesThatAreNone) {
  const std::string line = "400 the request line is not 'METHOD /path HTTP/1.1'";
  const std::string version = "400 the request line does not end in 'HTTP/1.1'";
  const std::string other = "505 only HTTP/1.1 and HTTP/1.0 are spoken here";
  const std::string host = "\r\nHost: a\r\n\r\n";
  const Case cases[] = {
      {"two spaces", "GET  / HTTP/1.1" + host, line},
      {"a space in the target", "GET /a b HTTP/1.1" + host, line},
      {"a space behind", "GET / HTTP/1.1 " + host, line},
      {"HTTP/0.9", "GET /\r\n\r\n", line},
      {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", other},
      {"HTTP/3.0", "GET / HTTP/3.0" + host, other},
      {"HTTP/1.2", "GET / HTTP/1.2" + host, other},
      {"HTTP/1.10", "GET / HTTP/1.10" + host, version},
      {"another case", "GET / http/1.1" + host, version},
      {"another protocol", "OPTIONS / RTSP/1.0" + host, version},
      {"a method nobody knows", "BREW / HTTP/1.1" + host, "501 the method is not known"},
      {"a method in lower case", "get / HTTP/1.1" + host, "501 the method is not known"},
      {"a method that is no word",
       "G@T / HTTP/1.1" + host,
       "400 the method has a character that no method may have"},
      {"CONNECT",
       "CONNECT a:80 HTTP/1.1" + host,
       "501 this server is no proxy: CONNECT is not offered"},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01", 6), "400 the head has a control character"},
  };
  check({}, cases);
}

TEST(HttpParser, RefusesTargetsThatCouldBeAnotherPath) {
  const std::string slash =
      "400 the target has to begin with '/', or with 'http://' and this server's name";
  const std::string segment = "400 the path has an empty segment, '.', '..' or an encoded slash";
  const std::string escape = "400 the path has a percent sign without two hexadecimal digits";
  const std::string text = "400 the path is not UTF-8, or has control characters";
  const std::string raw = "400 the target has a character that has to be percent-encoded";
  const Case cases[] = {
      {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", slash},
      {"authority form", get("a:80"), slash},
      {"up", get("/a/../b"), segment},
      {"up, encoded", get("/a/%2e%2E/b"), segment},
      {"here", get("/a/./b"), segment},
      {"up at the end", get("/.."), segment},
      {"two slashes", get("//a"), segment},
      {"a slash at the end", get("/a/"), segment},
      {"an encoded slash", get("/a%2fb"), segment},
      {"half an escape", get("/a%2"), escape},
      {"an escape that is none", get("/a%zz"), escape},
      {"a percent sign alone", get("/%"), escape},
      {"a NUL", get("/a%00"), text},
      {"a line end", get("/a%0d%0ab"), text},
      {"no UTF-8", get("/%ff"), text},
      {"an overlong slash", get("/%c0%af"), text},
      {"raw bytes", get("/\xc3\xbc"), raw},
      {"a fragment", get("/a#b"), raw},
      {"a backslash", get("/a\\b"), raw},
      {"a bad escape in the query",
       get("/a?b=%g0"),
       "400 the query has a percent sign without two hexadecimal digits"},
      {"a NUL in the query", get("/a?b=%00"), "400 the query is not UTF-8, or has a NUL"},
      {"no UTF-8 in the query", get("/a?b=%fe"), "400 the query is not UTF-8, or has a NUL"},
  };
  check({}, cases);
}

TEST(HttpParser, RefusesTargetsThatAreForSomebodyElseOrForTwo) {
  const std::string form =
      "400 the target has to begin with '/', or with 'http://' and this server's name";
  const std::string name = "400 what follows 'http://' in the target is no name or address";
  const std::string segment = "400 the path has an empty segment, '.', '..' or an encoded slash";
  const std::string raw = "400 the target has a character that has to be percent-encoded";
  const Case cases[] = {
      {"over TLS", get("https://a/b"), form},
      {"another scheme", get("ftp://a/b"), form},
      {"a file", get("file:///etc/passwd"), form},
      {"a scheme in a scheme", get("http://http://a/b"), segment},
      {"half a scheme", get("http:/a/b"), form},
      {"no scheme", get("a/b"), form},
      {"nobody", get("http:///b"), name},
      {"nobody at all", get("http://"), name},
      {"nobody, with a query", get("http://?b"), name},
      {"a user", get("http://a@b/c"), name},
      {"a user with a password", get("http://a:b@c/d"), name},
      {"a user in disguise", get("http://a%40b,c/d"), name},
      {"two names", get("http://a,b/c"), name},
      {"a fragment", get("http://a#@b/c"), raw},
      {"a backslash", get("http://a\\@b/c"), raw},
      {"up", get("http://a/../b"), segment},
      {"two slashes", get("http://a//b"), segment},
      {"no Host beside it", "GET http://a/ HTTP/1.1\r\n\r\n", "400 HTTP/1.1 needs a Host header"},
      {"a Host that is none",
       "GET http://a/ HTTP/1.1\r\nHost: b@c\r\n\r\n",
       "400 Host is no name or address"},
  };
  check({}, cases);
}

TEST(HttpParser, TakesWhomARequestIsForFromItsTargetIfThatNamesSomebody) {
  struct Named {
    const char* target;
    const char* host;
    const char* path;
    size_t parameters;
  };
  const Named cases[] = {
      {"/b?c", "a", "/b", 1},
      {"http://x/b?c", "x", "/b", 1},
      {"HTTP://x:17/b", "x:17", "/b", 0},
      {"http://[::1]:17/b", "[::1]:17", "/b", 0},
      {"http://x", "x", "/", 0},
      {"http://x?c=http://y/", "x", "/", 1},
      {"/b?c=http://x/", "a", "/b", 1},
  };
  HttpParser parser{HttpLimits{}};
  for (const Named& c : cases) {
    const std::string bytes = get(c.target);
    size_t taken = 0;
    ASSERT_EQ(parser.feed(bytes, taken), Outcome::Request) << c.target << parser.problem();
    const HttpRequest& request = parser.request();
    EXPECT_EQ(request.host(), c.host) << c.target;
    EXPECT_EQ(request.header("host"), "a") << c.target;
    EXPECT_EQ(request.path(), c.path) << c.target;
    EXPECT_EQ(request.query().size(), c.parameters) << c.target;
    EXPECT_EQ(request.target(), c.target);
    parser.next();
  }
}

TEST(HttpParser, RefusesChunksThatAreNone) {
  const std::string malformed = "400 a chunk is malformed";
  const std::string size = "400 the size of a chunk is malformed";
  const std::string bare = "400 a line ends in CR or LF alone";
  const auto chunks = [](const std::string& body) {
    return post("Transfer-Encoding: chunked\r\n", body);
  };
  const Case cases[] = {
      {"no number", chunks("xyz\r\n"), size},
      {"a sign", chunks("-1\r\n"), size},
      {"a prefix", chunks("0x1\r\na\r\n"), size},
      {"an empty size", chunks("\r\n\r\n"), size},
      {"beyond 64 bits", chunks("11111111111111111\r\n"), size},
      {"large, within 64 bits", chunks("fffffffffffffff0\r\n"), "413 the body is too large"},
      {"data longer than said", chunks("1\r\nab\r\n"), malformed},
      {"a bare LF after the size", chunks("1\na\r\n0\r\n\r\n"), size},
      {"a bare LF after an extension", chunks("1;x\na\r\n0\r\n\r\n"), bare},
      {"a bare LF after the data", chunks("1\r\na\n0\r\n\r\n"), malformed},
      {"a space in front of the size", chunks(" 1\r\na\r\n0\r\n\r\n"), size},
      {"a bare LF in a trailer", chunks("0\r\nX: a\n\r\n"), malformed},
      {"a trailer that is none", chunks("0\r\nX a\r\n\r\n"), malformed},
  };
  check({}, cases);
}

TEST(HttpParser, HoldsToItsLimits) {
  HttpLimits limits;
  limits.target_bytes_max = 100;
  limits.head_bytes_max = 1500;
  limits.headers_max = 5;
  limits.parameters_max = 3;
  limits.body_bytes_max = 10;
  const std::string coded = "Transfer-Encoding: chunked\r\n";
  const auto a = [](size_t count) {
    return std::string(count, 'a');
  };
  const Case cases[] = {
      {"a target at the limit", get("/" + a(99)), "GET /" + a(99) + "; "},
      {"a target over it", get("/" + a(100)), "414 the target is too long"},
      {"a target without end", "GET /" + a(500), "414 the request line is too long"},
      {"too many parameters", get("/?a&b&c&d"), "400 the query has too many parameters"},
      {"a header without end", "GET / HTTP/1.1\r\nX: " + a(2000), "431 the headers are too large"},
      {"too many headers",
       with("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1"),
       "431 there are too many headers"},
      {"just enough headers", with("A: 1\r\nB: 1\r\nC: 1\r\nD: 1"), "GET /; "},
      {"a body at the limit", post("Content-Length: 10\r\n", a(10)), "POST /x [" + a(10) + "]; "},
      {"a body over it, before it is sent",
       post("Content-Length: 11\r\n", ""),
       "413 the body is too large"},
      {"one whose client waits",
       post("Content-Length: 11\r\nExpect: 100-continue\r\n", ""),
       "413 the body is too large"},
      {"a chunk over it", post(coded, "b\r\n"), "413 the body is too large"},
      {"chunks over it", post(coded, "8\r\naaaaaaaa\r\n3\r\n"), "413 the body is too large"},
      {"an extension without end",
       post(coded, "1;" + a(1100)),
       "431 a chunk's extensions are too long"},
      {"trailers without end",
       post(coded, "0\r\nA: " + a(500) + "\r\nB: " + a(1000)),
       "431 the headers are too large"},
  };
  check(limits, cases);
}

TEST(HttpParser, BodiesShareABudgetAboveALittleOfTheirOwn) {
  const std::string sized = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n";
  const std::string coded = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string piece(40'000, 'x');
  const std::string large(64'000, 'x');
  for (const std::string& refused : {sized + large, coded + "fa00\r\n" + large + "\r\n"}) {
    HttpBudget budget = {.bytes_max = 70'000};
    size_t taken = 0;
    std::optional<HttpParser> first(std::in_place, HttpLimits(), &budget);
    ASSERT_EQ(first->feed(sized + piece, taken), Outcome::More);
    const size_t in_use = budget.bytes;
    EXPECT_GE(in_use, piece.size() - HttpBudget::kOwnBytes);

    HttpParser second(HttpLimits(), &budget);
    EXPECT_EQ(second.feed(refused, taken), Outcome::Bad);
    EXPECT_EQ(second.status(), 503);
    EXPECT_EQ(second.body_bytes(), 0u) << "what it had sent is let go at once";
    EXPECT_EQ(budget.bytes, in_use);

    HttpParser small(HttpLimits(), &budget);
    EXPECT_EQ(small.feed(sized + piece.substr(0, 10'000), taken), Outcome::More)
        << "its own part is there whatever others hold";
    EXPECT_EQ(budget.bytes, in_use);

    ASSERT_EQ(first->feed(piece.substr(0, 25'000), taken), Outcome::Request);
    EXPECT_GE(budget.bytes, in_use) << "until it is answered";
    first->next();
    EXPECT_EQ(budget.bytes, 0u);
    ASSERT_EQ(first->feed(sized + piece, taken), Outcome::More);
    first.reset();
    EXPECT_EQ(budget.bytes, 0u) << "and when its connection ends";
  }
}

TEST(HttpParser, HeadersAreFoundByNameInLowerCase) {
  HttpParser parser{HttpLimits()};
  size_t taken = 0;
  const std::string bytes =
      with("X-Mixed-Case:  two  words \t\r\nEmpty:\r\nA: 1\r\nA: 2\r\nB: \xff");
  ASSERT_EQ(parser.feed(bytes, taken), Outcome::Request) << parser.problem();
  const HttpRequest& request = parser.request();
  EXPECT_EQ(request.header("x-mixed-case"), "two  words");
  EXPECT_EQ(request.header("empty"), "");
  EXPECT_EQ(request.header("a"), "1");
  EXPECT_EQ(request.header("b"), "\xff");
  EXPECT_EQ(request.header("c"), "");
  EXPECT_EQ(request.header("host"), "a");
}

TEST(HttpParser, KnowsWhoTakesGzip) {
  const std::pair<const char*, bool> cases[] = {
      {"gzip", true},
      {"br, GZIP", true},
      {"gzip;q=0.5", true},
      {"gzip; q=0", false},
      {"gzip;q=0.000", false},
      {"*", true},
      {"*;q=0", false},
      {"identity", false},
      {"xgzip", false},
      {"", false},
  };
  for (const auto& [value, takes] : cases) {
    HttpParser parser{HttpLimits()};
    size_t taken = 0;
    ASSERT_EQ(parser.feed(with(std::string("Accept-Encoding: ") + value), taken), Outcome::Request);
    EXPECT_EQ(parser.request().accepts_gzip, takes) << value;
  }
}

}  // namespace
}  // namespace berth::net
