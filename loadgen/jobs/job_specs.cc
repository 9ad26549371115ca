#include "loadgen/jobs/job_specs.h"

#include <cstdio>

#include "core/base/rng.h"

namespace berth::loadgen {
namespace {

std::vector<std::byte> encode(const std::string& tag) {
  const std::string_view command[] = {"true"};
  const std::string_view tags[] = {tag};
  wire::JobSpec spec;
  spec.name = "loadgen";
  spec.command = command;
  spec.runner = wire::Runner::Process;
  spec.requirements.all_tags = tags;
  spec.attempts_max = JobSpecs::kAttemptsMax;
  spec.retry_base_ms = 1;
  spec.retry_cap_ms = 1;
  wire::SpecEncoder encoder;
  std::span<const std::byte> bytes = encoder.encode(spec);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

JobSpecs::JobSpecs(uint64_t run) {
  char text[24];
  std::snprintf(text, sizeof text, "lg-%llx", static_cast<unsigned long long>(run));
  prefix_ = text;
  tag_ = prefix_ + "-run";
  runnable_ = encode(tag_);
  pending_ = encode(prefix_ + "-nobody");
}

bool attempt_fails(uint64_t seed, wire::AssignmentId attempt, double fail) {
  if (fail <= 0 || attempt.attempt >= JobSpecs::kAttemptsMax) return false;
  core::Rng rng(seed ^ attempt.job.value * 0x9E3779B97F4A7C15u ^ uint64_t{attempt.attempt} << 56);
  return rng.unit() < fail;
}

}  // namespace berth::loadgen
