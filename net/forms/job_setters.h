#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/forms/job_fields.h"
#include "net/forms/times.h"
#include "net/text/units.h"

/// What takes the values of job fields. Each returns what is wrong with its text, or nothing.
namespace berth::forms {

/// "'x' is not " and what it should be.
inline std::string is_not(const std::string& text, std::string_view form) {
  return "'" + text + "' is not " + std::string(form);
}

inline auto text_of(std::string client::JobSpec::*to) {
  return [to](JobDraft& draft, const std::string& text) {
    draft.spec.*to = text;
    return std::string();
  };
}

inline auto list_of(std::vector<std::string> client::JobSpec::*to, char separator = ',') {
  return [to, separator](JobDraft& draft, const std::string& text) {
    for (const std::string_view piece : net::split_list(text, separator))
      (draft.spec.*to).emplace_back(piece);
    return std::string();
  };
}

inline auto labels_of(std::vector<client::Label> client::JobSpec::*to) {
  return [to](JobDraft& draft, const std::string& text) {
    const auto label = net::parse_label(text);
    if (!label) return is_not(text, net::kLabelForm);
    (draft.spec.*to).push_back({std::string(label->first), std::string(label->second)});
    return std::string();
  };
}

// The value may be empty, and may hold anything.
inline auto settings_of(std::vector<client::Label> client::JobSpec::*to) {
  return [to](JobDraft& draft, const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) return is_not(text, "of the form KEY=VALUE");
    (draft.spec.*to).push_back({text.substr(0, equals), text.substr(equals + 1)});
    return std::string();
  };
}

inline auto duration_of(client::Milliseconds client::JobSpec::*to, uint32_t most_ms = UINT32_MAX) {
  return [to, most_ms](JobDraft& draft, const std::string& text) {
    const auto duration = net::parse_duration(text);
    if (!duration) return is_not(text, net::kDurationForm);
    // A server would name the number that was sent, not the words that were typed.
    if (duration->ms() > most_ms) {
      return "'" + text + "' is longer than " + format_length(most_ms) + ", the longest";
    }
    draft.spec.*to = client::Milliseconds(duration->ms());
    return std::string();
  };
}

inline auto time_of(int64_t client::JobSpec::*to, std::optional<int64_t> JobDraft::*ahead) {
  return [to, ahead](JobDraft& draft, const std::string& text) {
    const int64_t now = wall_ms();
    const auto at = parse_time(text, now);
    if (!at) return is_not(text, kTimeForm);
    draft.spec.*to = *at;
    (draft.*ahead).reset();
    if (text.starts_with('+')) draft.*ahead = *at - now;
    return std::string();
  };
}

template <typename Parse>
auto amount_of(int64_t client::Demand::*to, Parse parse, const char* form) {
  return [to, parse, form](JobDraft& draft, const std::string& text) {
    const auto amount = parse(text);
    if (!amount) return is_not(text, form);
    draft.spec.demand.*to = static_cast<int64_t>(*amount);
    return std::string();
  };
}

inline auto switch_of(bool client::JobSpec::*to) {
  return [to](JobDraft& draft, const std::string& text) {
    if (text != "true" && text != "false") return is_not(text, "true or false");
    draft.spec.*to = text == "true";
    return std::string();
  };
}

// What has rules of its own.
std::string set_any(JobDraft& draft, const std::string& text);
std::string set_gpu(JobDraft& draft, const std::string& text);
std::string set_gpus(JobDraft& draft, const std::string& text);
std::string set_custom(JobDraft& draft, const std::string& text);
std::string set_priority(JobDraft& draft, const std::string& text);
std::string set_attempts(JobDraft& draft, const std::string& text);
std::string set_runner(JobDraft& draft, const std::string& text);
std::string set_policy(JobDraft& draft, const std::string& text);
std::string set_array(JobDraft& draft, const std::string& text);
std::string set_stdin_file(JobDraft& draft, const std::string& path);
std::string set_after(JobDraft& draft, const std::string& text);
std::string set_gpu_model(JobDraft& draft, const std::string& text);

}  // namespace berth::forms
