#include "net/http/http_lines.h"

namespace berth::net {

void HttpLines::start(const Limits& limits) {
  *this = {};
  limits_ = limits;
}

HttpLines::Outcome HttpLines::bad(int status, std::string_view problem) {
  status_ = status;
  problem_ = problem;
  return Outcome::Bad;
}

HttpLines::Outcome HttpLines::feed(std::string_view bytes, size_t& taken) {
  for (taken = 0; taken < bytes.size();) {
    const char c = bytes[taken++];
    if (++total_ > limits_.total_max) return bad(431, "the headers are too large");
    if (after_cr_ != (c == '\n')) return bad(400, "a line ends in CR or LF alone");
    if (c == '\n') {
      after_cr_ = false;
      if (++lines_ > limits_.lines_max) return bad(431, "there are too many headers");
      if (line_bytes_ == 0) return Outcome::Blank;
      line_bytes_ = 0;
      continue;
    }
    if (c == '\r') {
      after_cr_ = true;
      continue;
    }
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') {
      return bad(400, "the head has a control character");
    }
    if (line_bytes_ == 0 && (c == ' ' || c == '\t')) {
      return bad(400, "a line begins with a space");
    }
    if (++line_bytes_ > (lines_ == 0 ? limits_.first_line_max : limits_.line_max)) {
      return lines_ == 0 ? bad(limits_.first_line_status, limits_.first_line_problem)
                         : bad(431, "a header is too large");
    }
  }
  return Outcome::More;
}

}  // namespace berth::net
