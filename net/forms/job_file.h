#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/forms/job_fields.h"
#include "net/forms/json.h"

namespace berth::forms {

// Jobs as people and programs write them; docs/jobs.md has the keys. Each adds to `drafts`, and on
// false has put one sentence into `problem` that names place, key, value and remedy.

/// One job at the top level, or `[[job]]` tables; keys at the top then hold for all of them.
bool parse_job_toml(
    std::string_view text,
    const std::string& path,
    const JobDraft& common,
    std::vector<JobDraft>& drafts,
    std::string& problem);

/// Whether it is JSON: no TOML begins with a brace, or with a bracket and then a brace.
bool is_job_json(std::string_view text);

/// One object, an array of them, or objects one after the other (JSON lines).
bool parse_job_json(
    std::string_view text,
    const std::string& path,
    const JobDraft& common,
    std::vector<JobDraft>& drafts,
    std::string& problem);

/// Every line that is not empty: the last argument of `common`'s command, or, when it has none, a
/// line for the shell.
void parse_job_lines(std::string_view text, const JobDraft& common, std::vector<JobDraft>& drafts);

/// Turns `after` into ids and positions, and orders the jobs so that each stands behind those that
/// it waits for. `places`, if given: where each went.
bool resolve_after(
    std::vector<JobDraft>& drafts, std::string& problem, std::vector<uint32_t>* places = nullptr);

/// The keys that make this job: what parse_job_json reads back to the same job.
Json job_keys_json(const client::JobSpec& job);

}  // namespace berth::forms
