#include "net/http/http_gzip.h"

#include <algorithm>

#include "core/base/check.h"

namespace berth::net {
namespace {

constexpr int kLevel = 1;             // a third slower levels save a tenth
constexpr int kWindowBits = 14 + 16;  // 16 KiB; the 16 asks for gzip's header
constexpr int kMemLevel = 7;
constexpr size_t kKeptMax = 256 * 1024;

}  // namespace

bool http_compressible(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  if (type == "text/event-stream") return false;  // each event has to be there at once
  return type.starts_with("text/") || type == "application/json" || type.ends_with("+json") ||
         type == "application/javascript" || type == "image/svg+xml";
}

HttpGzip::HttpGzip() {
  // Fails for want of memory alone.
  BERTH_CHECK(
      deflateInit2(&stream_, kLevel, Z_DEFLATED, kWindowBits, kMemLevel, Z_DEFAULT_STRATEGY) ==
      Z_OK);
}

HttpGzip::~HttpGzip() {
  (void)deflateEnd(&stream_);  // tells whether something was left over
}

void HttpGzip::begin() {
  BERTH_CHECK(deflateReset(&stream_) == Z_OK);
}

std::string_view HttpGzip::deflate(std::string_view piece, int flush) {
  if (out_.size() > kKeptMax) std::string().swap(out_);
  // zlib does not write to its input.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream_.avail_in = static_cast<uInt>(piece.size());
  size_t bytes = 0;
  int status = Z_OK;
  do {
    if (out_.size() - bytes < 1024) out_.resize(std::max<size_t>(2 * out_.size(), 16 * 1024));
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + bytes);
    stream_.avail_out = static_cast<uInt>(out_.size() - bytes);
    status = ::deflate(&stream_, flush);
    bytes = out_.size() - stream_.avail_out;
  } while (stream_.avail_out == 0 || (flush == Z_FINISH && status == Z_OK));
  return {out_.data(), bytes};
}

}  // namespace berth::net
