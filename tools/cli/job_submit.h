#pragma once

#include <optional>
#include <vector>

#include "tools/cli/session.h"

namespace berth::cli {

/// What a submit of any size came to.
struct Submitted {
  std::vector<client::SubmittedJob> jobs;  ///< in the order of the drafts
  bool repeated = false;
};

/// Hands over what the command line asks for, in as many frames as that takes, remembers it as
/// `last`, and warns of what no worker could ever run. nullopt: `exit` says how to end, and what
/// went wrong was told.
std::optional<Submitted> submit_jobs(
    Session& session, client::BlockingClient& berth, std::vector<JobDraft> drafts, Exit& exit);

}  // namespace berth::cli
