#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

namespace berth::net {

/// Whether bodies of this type get shorter: text and JSON, not a stream of events.
bool http_compressible(std::string_view content_type);

/// One gzip stream, quick rather than small.
///
/// Shape    one after the other: `begin`, `write` …, `end`
/// Threads  one owner
/// Memory   some 100 KiB while it exists
class HttpGzip {
 public:
  HttpGzip();
  ~HttpGzip();
  HttpGzip(const HttpGzip&) = delete;
  HttpGzip& operator=(const HttpGzip&) = delete;

  void begin();
  /// What is ready of it, valid until the next call.
  std::string_view write(std::string_view piece) { return deflate(piece, Z_NO_FLUSH); }
  std::string_view end(std::string_view piece = {}) { return deflate(piece, Z_FINISH); }

 private:
  std::string_view deflate(std::string_view piece, int flush);

  z_stream stream_ = {};
  std::string out_;
};

}  // namespace berth::net
