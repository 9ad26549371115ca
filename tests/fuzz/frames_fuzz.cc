#include "tests/wire/codec.h"
#include "tests/wire/describe.h"

// A stream of bytes from a peer, as a connection takes it in: frame after frame, each decoded as
// what a server and as what a client would expect, until the first that is refused.
namespace berth::wire {
namespace {

constexpr uint32_t kLimit = 2048;

template <typename Variant>
void read(Decoder& decoder, std::span<const std::byte> payload) {
  Variant message;
  if (decoder.decode(payload, message) == DecodeStatus::Ok) describe(message);
}

void take_in(std::span<const std::byte> stream) {
  Decoder decoder;
  Aligned buffer(stream);
  std::span<const std::byte> rest = buffer.bytes();
  Frame frame;
  size_t frame_bytes = 0;
  while (next_frame(rest, kLimit, frame, frame_bytes) == FrameStatus::Ok) {
    // A copy that ends where the payload ends, for the sanitizer to see a step beyond.
    Aligned payload(frame.payload);
    read<Request>(decoder, payload.bytes());
    read<Reply>(decoder, payload.bytes());
    rest = rest.subspan(frame_bytes);
  }
}

}  // namespace
}  // namespace berth::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  berth::wire::take_in({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
