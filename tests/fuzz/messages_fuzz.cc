#include <cstdio>
#include <cstdlib>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"

// Whatever can be decoded can be encoded, and is the same message when decoded again.
namespace berth::wire {
namespace {

template <typename Variant>
void round_trip(std::span<const std::byte> bytes) {
  Aligned payload(bytes);
  Decoder decoder;
  Variant first;
  if (decoder.decode(payload.bytes(), first) != DecodeStatus::Ok) return;
  const std::string text = describe(first);

  const std::vector<std::byte> frame = encode_frame({1}, first);
  Decoder another;
  Variant second;
  const DecodeStatus status = another.decode(payload_of(frame), second);
  if (status == DecodeStatus::Ok && describe(second) == text) return;
  std::fprintf(
      stderr,
      "status %d\n%s\n%s\n",
      static_cast<int>(status),
      text.c_str(),
      describe(second).c_str());
  std::abort();
}

}  // namespace
}  // namespace berth::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  berth::wire::round_trip<berth::wire::Request>(bytes);
  berth::wire::round_trip<berth::wire::Reply>(bytes);
  return 0;
}
