#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "wire/messages.h"

namespace berth::core {

// Limits of one job. Clients are told the limit they broke.
inline constexpr uint32_t kSpecBytesMax = 256 * 1024;
inline constexpr uint32_t kJobNameBytesMax = 256;  // name, queue, tenant
inline constexpr uint32_t kJobLabelsMax = 32;
inline constexpr uint32_t kArgumentsMax = 4'096;
inline constexpr uint32_t kEnvMax = 1'024;
inline constexpr uint32_t kPathBytesMax = 4'096;
inline constexpr uint32_t kStdinBytesMax = 64 * 1024;
inline constexpr uint32_t kAttemptsMax = 1'000;
inline constexpr uint32_t kDependenciesMax = 1'024;
inline constexpr uint32_t kArrayMax = 1'000'000;  // elements
inline constexpr uint32_t kArtifactsMax = 64;
inline constexpr uint32_t kMetaMax = 64;
inline constexpr uint32_t kRequestIdBytesMax = 128;
inline constexpr uint32_t kJobsPerSubmitMax = 4'096;
inline constexpr uint32_t kKillGraceMsMax = 3'600'000;  // a worker is not held longer by the dead
inline constexpr uint32_t kRetryMsMax = 7 * 24 * 3'600'000;  // a week
inline constexpr int64_t kMomentMsMax = 7'258'118'400'000;   // year 2200: fits in nanoseconds

/// Whether a spec says something that can be done. False: `problem` is one sentence that names the
/// field, its value and the limit; in `text`.
///
/// Text fields are UTF-8 without NUL; names, labels, tags and paths without control characters; an
/// environment's key has no `=`; artifacts and working directory stay where they belong (no `..`);
/// there is a command or an image; an image goes with runner `any` or `container`; amounts are what
/// a Place request may ask for; nothing is named twice. A deadline in the past is allowed.
bool check_spec(const wire::JobSpec& spec, Arena& text, std::string_view& problem);

/// The whole submit, as the shard that read it does: every spec decodes and passes; positions in
/// `depends_on_items` are of earlier specs. The sentence begins with `job N: `, N from 1, when
/// there are several.
class SubmitCheck {
 public:
  SubmitCheck();
  ~SubmitCheck();
  bool check(const wire::SubmitJobs& submit, Arena& text, std::string_view& problem);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tag of workers that have this runner, such as `runner:sandbox`; empty for Any.
std::string_view runner_tag(wire::Runner runner);

/// What places the job, as a Place request without a task: tags that its runner needs are among the
/// requirements. With runner `any`, an image needs `runner:container`, a bare command one of
/// `runner:process` and `runner:sandbox`. Points into `spec` and `text`.
wire::Place place_of(const wire::JobSpec& spec, Arena& text);

/// Two jobs with equal keys fit on the same workers: runner, policy, demand, requirements. The
/// order in which names are listed does not matter, nor whether twice; names, labels and
/// environment of the job are no part of it.
void append_class_key(const wire::JobSpec& spec, std::string& key);

}  // namespace berth::core
