#pragma once

#include <cstddef>
#include <string_view>

namespace berth::net {

/// Watches what is not body, byte by byte: lines that end in CRLF and nothing else, no other
/// control characters but tabs, no line that continues another, and how long it all is. llhttp
/// alone is more generous, and depends on where its input is split.
///
/// Shape    fed in order with the bytes of one head, or of the framing of one chunked body
/// Errors   an HTTP status and a sentence
class HttpLines {
 public:
  struct Limits {
    size_t first_line_max, line_max, total_max, lines_max;
    int first_line_status;
    std::string_view first_line_problem;
  };

  void start(const Limits& limits);
  /// Of a chunked body: every byte of data pays for some of its framing.
  void allow(size_t bytes) { limits_.total_max += bytes; }

  enum class Outcome { More, Blank, Bad };
  /// Blank: an empty line has ended; `taken` says where.
  Outcome feed(std::string_view bytes, size_t& taken);

  int status() const { return status_; }
  std::string_view problem() const { return problem_; }

 private:
  Outcome bad(int status, std::string_view problem);

  Limits limits_ = {};
  size_t total_ = 0;
  size_t lines_ = 0;
  size_t line_bytes_ = 0;
  bool after_cr_ = false;
  int status_ = 0;
  std::string_view problem_;
};

}  // namespace berth::net
