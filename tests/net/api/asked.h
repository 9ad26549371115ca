#pragma once

#include <string>

#include <gtest/gtest.h>

#include "net/http/http_parser.h"

namespace berth::net {

/// A request as the parser makes it of text: a request line, headers, and a body.
class Asked {
 public:
  explicit Asked(
      const std::string& line, const std::string& headers = "", const std::string& body = "") {
    std::string text = line + " HTTP/1.1\r\n";
    if (headers.find("Host:") == headers.npos) text += "Host: localhost\r\n";
    text += headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n" + body;
    size_t taken = 0;
    EXPECT_EQ(parser_.feed(text, taken), HttpParser::Outcome::Request) << text << parser_.problem();
  }

  const HttpRequest& request() { return parser_.request(); }

 private:
  const HttpLimits limits_;
  HttpParser parser_{limits_};
};

}  // namespace berth::net
