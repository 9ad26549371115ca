#include "core/base/text.h"
#include "core/jobs/check_spec.h"
#include "wire/spec.h"

namespace berth::core {

struct SubmitCheck::State {
  wire::SpecDecoder decoder;
  wire::JobSpec spec;

  /// Empty: nothing is wrong with the spec at `position`, from 0.
  std::string_view check_one(const wire::SubmitJobs& submit, size_t position, Arena& text) {
    const std::span<const std::byte> bytes = submit.specs[position];
    if (bytes.size() > kSpecBytesMax) {
      return text.keep(
          "the spec has " + std::to_string(bytes.size()) + " bytes, at most " +
          std::to_string(kSpecBytesMax) + " are allowed: let the task read a file");
    }
    if (decoder.decode(bytes, spec) != wire::DecodeStatus::Ok) {
      return text.keep(
          "the spec of " + std::to_string(bytes.size()) +
          " bytes is malformed: encode it by the schema of this server's version");
    }
    std::string_view problem;
    if (!check_spec(spec, text, problem)) return problem;
    for (uint32_t item : spec.depends_on_items) {
      if (item < position) continue;
      return text.keep(
          "depends_on_items names position " + std::to_string(item) + ", and this one is at " +
          std::to_string(position) + ": only jobs before it in the submit can be named");
    }
    return {};
  }
};

SubmitCheck::SubmitCheck() : state_(std::make_unique<State>()) {}
SubmitCheck::~SubmitCheck() = default;

bool SubmitCheck::check(const wire::SubmitJobs& submit, Arena& text, std::string_view& problem) {
  if (submit.request.size() > kRequestIdBytesMax || !is_clean_text(submit.request)) {
    problem = text.keep(
        "the request id has " + std::to_string(submit.request.size()) + " bytes: give at most " +
        std::to_string(kRequestIdBytesMax) + " of UTF-8 without control characters");
    return false;
  }
  const size_t jobs = submit.specs.size();
  if (jobs == 0 || jobs > kJobsPerSubmitMax) {
    problem = text.keep(
        "a submit of " + std::to_string(jobs) + " jobs: give 1 to " +
        std::to_string(kJobsPerSubmitMax) + ", and more in several submits");
    return false;
  }
  for (size_t i = 0; i < jobs; ++i) {
    problem = state_->check_one(submit, i, text);
    if (problem.empty()) continue;
    if (jobs > 1) {
      problem = text.keep("job " + std::to_string(i + 1) + ": " + std::string(problem));
    }
    return false;
  }
  return true;
}

}  // namespace berth::core
