#include "net/forms/job_setters.h"

#include <limits>
#include <optional>

#include "core/jobs/check_spec.h"
#include "core/settings.h"

namespace berth::forms {

std::string set_any(JobDraft& draft, const std::string& text) {
  std::vector<std::string> group;
  for (const std::string_view piece : net::split_list(text, '|'))
    group.emplace_back(piece);
  if (group.empty()) return is_not(text, "a group of tags such as A100|H100");
  draft.spec.any_tags.push_back(std::move(group));
  return {};
}

std::string set_gpu(JobDraft& draft, const std::string& text) {
  const auto milli = net::parse_milli(text);
  if (!milli || *milli < 1 || *milli > 1000)
    return is_not(text, "a part of one GPU such as 0.5 or 1");
  if (draft.spec.demand.gpu_count != 0) return "a part of a GPU and whole GPUs exclude each other";
  draft.spec.demand.gpu_count = 1;
  draft.spec.demand.gpu_milli = *milli;
  return {};
}

std::string set_gpus(JobDraft& draft, const std::string& text) {
  const auto count = net::parse_count(text, core::kGpusMax);
  if (!count) return is_not(text, "a whole number up to " + std::to_string(core::kGpusMax));
  if (draft.spec.demand.gpu_count != 0) return "a part of a GPU and whole GPUs exclude each other";
  draft.spec.demand.gpu_count = static_cast<int64_t>(*count);
  draft.spec.demand.gpu_milli = *count > 0 ? 1000 : 0;
  return {};
}

std::string set_custom(JobDraft& draft, const std::string& text) {
  const auto pair = net::parse_label(text);
  const auto amount = pair ? net::parse_count(pair->second, core::kAmountMax) : std::nullopt;
  if (!amount) return is_not(text, "a name and an amount such as licences=2");
  draft.spec.demand.custom.push_back({std::string(pair->first), static_cast<int64_t>(*amount)});
  return {};
}

std::string set_priority(JobDraft& draft, const std::string& text) {
  const bool minus = text.starts_with('-');
  const auto number = net::parse_count(
      std::string_view(text).substr(minus ? 1 : 0), std::numeric_limits<int32_t>::max());
  if (!number) return is_not(text, "a whole number");
  draft.spec.priority = static_cast<int32_t>(minus ? -static_cast<int64_t>(*number) : *number);
  return {};
}

std::string set_attempts(JobDraft& draft, const std::string& text) {
  const auto count = net::parse_count(text, core::kAttemptsMax);
  if (!count || *count == 0) {
    return is_not(text, "a whole number from 1 to " + std::to_string(core::kAttemptsMax));
  }
  draft.spec.attempts_max = static_cast<uint32_t>(*count);
  return {};
}

std::string set_runner(JobDraft& draft, const std::string& text) {
  const auto runner = client::runner_from(text);
  if (!runner) return is_not(text, "any, process, sandbox or container");
  draft.spec.runner = *runner;
  return {};
}

std::string set_policy(JobDraft& draft, const std::string& text) {
  const auto policy = client::policy_from(text);
  if (!policy) return is_not(text, "least-loaded, best-fit, fgd, spread or pack");
  draft.spec.policy = *policy;
  return {};
}

std::string set_array(JobDraft& draft, const std::string& text) {
  const size_t dash = text.find('-');
  const auto first = net::parse_count(text.substr(0, dash), UINT32_MAX - 1);
  const auto last = dash == std::string::npos
                        ? std::nullopt
                        : net::parse_count(text.substr(dash + 1), UINT32_MAX - 1);
  if (!first || !last || *first > *last) {
    return is_not(
        text,
        "a range of indexes such as 1-1000, of at most " + std::to_string(core::kArrayMax) +
            " up to " + std::to_string(UINT32_MAX - 1));
  }
  if (*last - *first >= core::kArrayMax) {
    return is_not(text, "a range of at most " + std::to_string(core::kArrayMax) + " indexes");
  }
  draft.spec.array =
      client::ArrayIndexes{static_cast<uint32_t>(*first), static_cast<uint32_t>(*last)};
  return {};
}

std::string set_stdin_file(JobDraft& draft, const std::string& path) {
  if (!draft.may_read_files) return "the server reads no files for a job; send the text as 'stdin'";
  std::string problem;
  if (!read_whole_file(path, draft.spec.stdin_text, problem)) return problem;
  if (draft.spec.stdin_text.size() > core::kStdinBytesMax) {
    return "'" + path + "' has " + std::to_string(draft.spec.stdin_text.size()) +
           " bytes; at most " + std::to_string(core::kStdinBytesMax) +
           " travel with a job, let the task read a file on its worker instead";
  }
  return {};
}

std::string set_after(JobDraft& draft, const std::string& text) {
  for (const std::string_view piece : net::split_list(text))
    draft.after.emplace_back(piece);
  return {};
}

std::string set_gpu_model(JobDraft& draft, const std::string& text) {
  for (const std::string_view piece : net::split_list(text, '|'))
    draft.spec.demand.gpu_models.emplace_back(piece);
  return {};
}

}  // namespace berth::forms
