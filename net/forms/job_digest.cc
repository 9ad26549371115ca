#include "net/forms/job_digest.h"

#include <algorithm>
#include <vector>

#include "core/jobs/submit_digest.h"
#include "net/client/outgoing.h"

namespace berth::forms {

uint64_t digest_as_written(std::span<const JobDraft> drafts) {
  const bool none = std::none_of(drafts.begin(), drafts.end(), [](const JobDraft& draft) {
    return draft.at_ahead_ms || draft.deadline_ahead_ms;
  });
  if (none) return 0;
  std::vector<std::vector<std::byte>> encoded;
  for (const JobDraft& draft : drafts) {
    client::JobSpec spec = draft.spec;
    // Negative, so that no time of the calendar is taken for it.
    if (draft.at_ahead_ms) spec.scheduled_at_ms = -1 - *draft.at_ahead_ms;
    if (draft.deadline_ahead_ms) spec.deadline_at_ms = -1 - *draft.deadline_ahead_ms;
    const std::span<const std::byte> bytes = client::outgoing().spec(spec);
    encoded.emplace_back(bytes.begin(), bytes.end());
  }
  const std::vector<std::span<const std::byte>> specs(encoded.begin(), encoded.end());
  return core::submit_digest(specs);
}

}  // namespace berth::forms
