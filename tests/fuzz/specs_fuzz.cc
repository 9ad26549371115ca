#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/jobs/check_spec.h"
#include "core/placement/placement.h"
#include "tests/wire/codec.h"
#include "wire/spec.h"

// A spec is refused in one sentence that may be shown, or it can be placed for all it says: its
// class is that of the same spec encoded again, and what it asks of workers is asked for.
namespace berth::core {
namespace {

void must(bool holds, const char* what, std::string_view sentence = "") {
  if (holds) return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(sentence.size()), sentence.data());
  std::abort();
}

std::string key_of(const wire::JobSpec& spec) {
  std::string key;
  append_class_key(spec, key);
  return key;
}

void check(std::span<const std::byte> bytes) {
  Arena text;
  std::string_view problem;
  SubmitCheck submit;
  if (!submit.check({.specs = {&bytes, 1}}, text, problem)) {
    must(!problem.empty() && is_clean_text(problem), "a refusal that cannot be shown", problem);
    return;
  }
  wire::SpecDecoder decoder;
  wire::JobSpec spec;
  must(decoder.decode(bytes, spec) == wire::DecodeStatus::Ok, "it was decoded before");

  static const Names names(16);
  wire::Place place = place_of(spec, text);
  place.task = "job";
  Query query;
  must(compile_query(place, names, query, text, problem), "accepted and not placed", problem);

  wire::SpecEncoder encoder;
  const std::span<const std::byte> encoded = encoder.encode(spec);
  const std::vector<std::byte> copy(encoded.begin(), encoded.end());
  wire::SpecDecoder another;
  wire::JobSpec again;
  must(another.decode(copy, again) == wire::DecodeStatus::Ok, "encoded and not decoded");
  must(key_of(again) == key_of(spec), "another class when encoded again");
}

}  // namespace
}  // namespace berth::core

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  berth::wire::Aligned payload(std::span(reinterpret_cast<const std::byte*>(data), size));
  berth::core::check(payload.bytes());
  return 0;
}
