#include <cstdio>
#include <cstdlib>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"
#include "wire/spec.h"

// Whatever can be decoded can be encoded, and is the same message when decoded again; and so for
// the specs of jobs, those inside messages among them.
namespace berth::wire {
namespace {

[[noreturn]] void fail(DecodeStatus status, const std::string& first, const std::string& second) {
  std::fprintf(
      stderr, "status %d\n%s\n%s\n", static_cast<int>(status), first.c_str(), second.c_str());
  std::abort();
}

void round_trip_spec(std::span<const std::byte> bytes) {
  SpecDecoder decoder;
  JobSpec first;
  if (decoder.decode(bytes, first) != DecodeStatus::Ok) return;
  std::string text;
  describe(first, text);

  SpecEncoder encoder;
  SpecDecoder another;
  JobSpec second;
  const DecodeStatus status = another.decode(encoder.encode(first), second);
  std::string again;
  describe(second, again);
  if (status != DecodeStatus::Ok || again != text) fail(status, text, again);
}

template <typename Variant>
void round_trip_specs(const Variant& message) {
  if constexpr (std::is_same_v<Variant, Request>) {
    if (const auto* submit = std::get_if<SubmitJobs>(&message)) {
      for (const auto& spec : submit->specs)
        round_trip_spec(spec);
    }
  } else if (const auto* assigned = std::get_if<Assignments>(&message)) {
    for (const Assignment& assignment : assigned->items)
      round_trip_spec(assignment.spec);
  } else if (const auto* job = std::get_if<JobDetails>(&message)) {
    round_trip_spec(job->spec);
  }
}

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
  if (status != DecodeStatus::Ok || describe(second) != text) fail(status, text, describe(second));
  round_trip_specs(first);
}

}  // namespace
}  // namespace berth::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  berth::wire::round_trip<berth::wire::Request>(bytes);
  berth::wire::round_trip<berth::wire::Reply>(bytes);
  berth::wire::Aligned aligned(bytes);
  berth::wire::round_trip_spec(aligned.bytes());
  return 0;
}
