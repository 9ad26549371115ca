#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/settings.h"
#include "net/http/json_in.h"
#include "net/http/json_schema.h"
#include "wire/parts.h"

/// What a task needs and where it may run, as the bodies of /v1/place and /v1/jobs say it.
namespace berth::net::v1 {

/// The field `resources`.
extern const JsonSchema kResourcesSchema;

/// The fields beside it, for a schema to list: `tags`, `any_tags`, `none_tags`, `affinity`,
/// `anti_affinity`, `spread_by`, `exclude_workers`.
inline constexpr std::array<JsonField, 7> kRequirementFields = {{
    {.name = "tags",
     .about = "Tags that the worker has, all of them",
     .array = true,
     .min = 1,
     .max = core::kNameBytesMax,
     .items_max = core::kNamesPerQueryMax},
    {.name = "any_tags",
     .about = "Groups of tags, written 'A100|H100': of each the worker has one",
     .array = true,
     .min = 1,
     .items_max = core::kNamesPerQueryMax},
    {.name = "none_tags",
     .about = "Tags that the worker has not",
     .array = true,
     .min = 1,
     .max = core::kNameBytesMax,
     .items_max = core::kNamesPerQueryMax},
    {.name = "affinity",
     .about = "Labels that the worker has, all of them",
     .map = true,
     .items_max = core::kNamesPerQueryMax},
    {.name = "anti_affinity",
     .about = "Labels of which the worker has none",
     .map = true,
     .items_max = core::kNamesPerQueryMax},
    {.name = "spread_by",
     .about = "A label's key: its least loaded value comes first",
     .max = core::kNameBytesMax},
    {.name = "exclude_workers",
     .about = "Ids of workers that will not do",
     .array = true,
     .max = core::kIdBytesMax,
     .items_max = core::kNamesPerQueryMax},
}};

/// What was read of them.
///
/// Memory   lists of its own; their texts are the body's. Reused, it keeps its memory
class Needs {
 public:
  /// What `body` says; both point into this object and the body.
  wire::Demand demand(const JsonObject& body);
  wire::Requirements requirements(const JsonObject& body);

 private:
  using Texts = std::vector<std::string_view>;

  void read_any_tags(const JsonObject& body);

  Texts gpu_models_;
  std::vector<wire::NamedAmount> custom_;
  Texts tags_;
  Texts any_words_;
  std::vector<wire::TextList> any_tags_;
  Texts none_tags_;
  std::vector<wire::Label> affinity_;
  std::vector<wire::Label> anti_affinity_;
  Texts exclude_workers_;
};

}  // namespace berth::net::v1
