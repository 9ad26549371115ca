#include "core/jobs/check_spec.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/placement/check_needs.h"
#include "core/settings.h"
#include "core/tables/profile.h"

namespace berth::core {

namespace {

void check_count(const char* field, size_t count, size_t max, Checker& check) {
  check.range(field, static_cast<int64_t>(count), 0, static_cast<int64_t>(max));
}

void check_bytes(const char* field, std::string_view text, size_t max, Checker& check) {
  if (text.size() <= max) return;
  check.refuse(
      std::string(field) + " has " + std::to_string(text.size()) + " bytes, at most " +
      std::to_string(max) + " are allowed");
}

/// What people see in lists: no control characters.
void check_shown(const char* field, std::string_view text, size_t max, Checker& check) {
  check_bytes(field, text, max, check);
  if (!is_clean_text(text))
    check.refuse(std::string(field) + " holds a control character or is not UTF-8");
}

/// What only programs see.
void check_given(const char* field, std::string_view text, size_t max, Checker& check) {
  check_bytes(field, text, max, check);
  if (!is_program_text(text)) {
    check.refuse(
        std::string(field) +
        " holds a NUL or is not UTF-8: encode it, or let the task read a file");
  }
}

/// `text` in quotes, where it may be shown; it has been checked.
std::string quoted(std::string_view text) {
  constexpr size_t kShown = 64;
  return text.size() <= kShown ? "'" + std::string(text) + "'"
                               : "of " + std::to_string(text.size()) + " bytes";
}

bool leaves_its_folder(std::string_view path) {
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (path.substr(0, end) == "..") return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

void check_path(const char* field, std::string_view path, Checker& check) {
  check_shown(field, path, kPathBytesMax, check);
  if (check.ok() && leaves_its_folder(path))
    check.refuse(std::string(field) + " " + quoted(path) + " holds '..': name the place itself");
}

template <typename Value>
using Few = absl::InlinedVector<Value, 8>;

/// Refuses what is listed twice: `said` makes the sentence of it.
template <typename Value, typename Said>
void check_distinct(Few<Value> values, Checker& check, Said&& said) {
  std::sort(values.begin(), values.end());
  auto twice = std::adjacent_find(values.begin(), values.end());
  if (twice != values.end()) check.refuse(said(*twice));
}

void check_distinct_keys(const char* field, std::span<const wire::Label> pairs, Checker& check) {
  Few<std::string_view> keys;
  for (const wire::Label& pair : pairs)
    keys.push_back(pair.key);
  check_distinct(keys, check, [&](std::string_view key) {
    return std::string(field) + " " + quoted(key) + " is given twice: give it one value";
  });
}

void check_names(const wire::JobSpec& spec, Checker& check) {
  check_shown("name", spec.name, kJobNameBytesMax, check);
  check_shown("queue", spec.queue, kJobNameBytesMax, check);
  check_shown("tenant", spec.tenant, kJobNameBytesMax, check);
  check_count("labels", spec.labels.size(), kJobLabelsMax, check);
  if (!check.ok()) return;
  for (const wire::Label& label : spec.labels) {
    if (std::string wrong = check_label(label); !wrong.empty()) return check.refuse(wrong);
  }
  check_distinct_keys("label", spec.labels, check);
}

void check_meta(const wire::JobSpec& spec, Checker& check) {
  check_count("meta", spec.meta.size(), kMetaMax, check);
  if (!check.ok()) return;
  for (const wire::Label& pair : spec.meta) {
    if (std::string wrong = check_name("meta key", pair.key); !wrong.empty())
      return check.refuse(wrong);
    check_given("meta value", pair.value, kSpecBytesMax, check);
  }
  check_distinct_keys("meta key", spec.meta, check);
}

void check_env(std::span<const wire::Label> env, Checker& check) {
  check_count("env", env.size(), kEnvMax, check);
  if (!check.ok()) return;
  for (const wire::Label& pair : env) {
    check.that(!pair.key.empty(), "env key is empty: name the variable");
    check_shown("env key", pair.key, kJobNameBytesMax, check);
    check_given("env value", pair.value, kSpecBytesMax, check);
    if (!check.ok()) return;
    if (pair.key.find('=') != std::string_view::npos)
      check.refuse("env key " + quoted(pair.key) + " holds '=': put what follows into the value");
  }
  check_distinct_keys("env key", env, check);
}

void check_runner(const wire::JobSpec& spec, Checker& check) {
  const bool runs_images =
      spec.runner == wire::Runner::Any || spec.runner == wire::Runner::Container;
  check.that(
      !spec.command.empty() || !spec.image.empty(),
      "there is neither a command nor an image: give one of them");
  check.that(
      spec.runner != wire::Runner::Container || !spec.image.empty(),
      "runner container has no image: name one, or choose another runner");
  if (!spec.image.empty() && !runs_images) {
    check.refuse(
        "an image is run by " + std::string(runner_tag(wire::Runner::Container)) + ", not by " +
        std::string(runner_tag(spec.runner)) + ": choose runner any or container");
  }
}

void check_program(const wire::JobSpec& spec, Checker& check) {
  check_count("arguments of command", spec.command.size(), kArgumentsMax, check);
  check_runner(spec, check);
  if (!check.ok()) return;
  for (std::string_view argument : spec.command)
    check_given("an argument of command", argument, kSpecBytesMax, check);
  check.that(
      spec.command.empty() || !spec.command[0].empty(),
      "the first word of command is empty: name a program");
  check_shown("image", spec.image, kPathBytesMax, check);
  check_env(spec.env, check);
  check_path("working_dir", spec.working_dir, check);
  check_given("stdin", spec.stdin_text, kStdinBytesMax, check);
}

void check_artifacts(const wire::JobSpec& spec, Checker& check) {
  check_count("artifacts", spec.artifacts.size(), kArtifactsMax, check);
  if (!check.ok()) return;
  for (std::string_view path : spec.artifacts) {
    check.that(!path.empty(), "an artifact is empty: name a file below the task's directory");
    check_path("artifact", path, check);
    if (!check.ok()) return;
    if (path[0] == '/') {
      check.refuse(
          "artifact " + quoted(path) + " begins with '/': name it from the task's directory on");
    }
  }
  check_distinct(
      Few<std::string_view>(spec.artifacts.begin(), spec.artifacts.end()),
      check,
      [](std::string_view path) { return "artifact " + quoted(path) + " is listed twice"; });
}

void check_tags(const char* field, wire::TextList tags, Checker& check) {
  for (std::string_view tag : tags) {
    if (std::string wrong = check_name(field, tag); !wrong.empty()) return check.refuse(wrong);
  }
}

/// What is asked for: how much and how many as in a Place request, and then the words.
void check_wanted(const wire::JobSpec& spec, Arena& text, Checker& check) {
  const wire::Place place = place_of(spec, text);
  check_needs(place.demand, place.requirements, check);
  if (!check.ok()) return;
  const wire::Requirements& wanted = spec.requirements;
  check_tags("tag", wanted.all_tags, check);
  check_tags("tag of none", wanted.none_tags, check);
  for (const wire::TextList& group : wanted.any_tags) {
    check.that(!group.empty(), "a group of any_tags is empty, so nothing fits: leave it out");
    check_tags("tag of any", group, check);
  }
  for (std::span<const wire::Label> labels : {wanted.affinity, wanted.anti_affinity}) {
    for (const wire::Label& label : labels) {
      if (std::string wrong = check_label(label); !wrong.empty()) return check.refuse(wrong);
    }
  }
  if (!wanted.spread_by.empty()) check_shown("spread_by", wanted.spread_by, kNameBytesMax, check);
  for (std::string_view worker : wanted.exclude_workers)
    check_shown("excluded worker", worker, kIdBytesMax, check);
  check_tags("gpu model", spec.demand.gpu_models, check);
  for (const wire::NamedAmount& custom : spec.demand.custom)
    check_tags("custom resource", {&custom.name, 1}, check);
}

void check_times(const wire::JobSpec& spec, Checker& check) {
  check.range("scheduled_at_ms", spec.scheduled_at_ms, 0, kMomentMsMax);
  check.range("deadline_at_ms", spec.deadline_at_ms, 0, kMomentMsMax);
  check.range("attempts_max", spec.attempts_max, 1, kAttemptsMax);
  check.range("retry_cap_ms", spec.retry_cap_ms, 0, kRetryMsMax);
  check.range("retry_base_ms", spec.retry_base_ms, 0, spec.retry_cap_ms);
  check.range("kill_grace_ms", spec.kill_grace_ms, 0, kKillGraceMsMax);
}

void check_array(const wire::JobSpec& spec, Checker& check) {
  if (!spec.is_array) {
    check.that(
        spec.array_first == 0 && spec.array_last == 0,
        "array_first and array_last are given for a job that is no array: set is_array");
    return;
  }
  check.range("array_last", spec.array_last, spec.array_first, UINT32_MAX);
  check.range(
      "elements of the array", int64_t{spec.array_last} - spec.array_first + 1, 1, kArrayMax);
}

void check_dependencies(const wire::JobSpec& spec, Checker& check) {
  check_count(
      "dependencies",
      spec.depends_on.size() + spec.depends_on_items.size(),
      kDependenciesMax,
      check);
  if (!check.ok()) return;
  for (uint64_t job : spec.depends_on)
    check.that(job != 0, "depends_on names job 0, which does not exist: ids begin at 1");
  check_distinct(
      Few<uint64_t>(spec.depends_on.begin(), spec.depends_on.end()), check, [](uint64_t job) {
        return "depends_on names job " + std::to_string(job) + " twice: name it once";
      });
  check_distinct(
      Few<uint32_t>(spec.depends_on_items.begin(), spec.depends_on_items.end()),
      check,
      [](uint32_t item) {
        return "depends_on_items names position " + std::to_string(item) + " twice: name it once";
      });
}

}  // namespace

bool check_spec(const wire::JobSpec& spec, Arena& text, std::string_view& problem) {
  Checker check;
  check_names(spec, check);
  check_program(spec, check);
  check_artifacts(spec, check);
  check_meta(spec, check);
  check_times(spec, check);
  check_array(spec, check);
  check_dependencies(spec, check);
  if (check.ok()) check_wanted(spec, text, check);
  if (!check.ok()) problem = text.keep(check.wrong());
  return check.ok();
}

}  // namespace berth::core
