#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/job_messages.h"

/// Lists as the text of one column, so that sqlite3 and people can read them.
///
/// Errors   text that is not of the form gives false; what was read until then stays
namespace berth::net {

// Each replaces `out`; of an empty list it is empty, and stored as NULL.
void labels_text(std::span<const wire::Label> labels, std::string& out);  ///< {"key":"value"}
void gpus_text(std::span<const uint16_t> gpus, std::string& out);         ///< [0,3]
void outputs_text(std::span<const wire::OutputFile> outputs, std::string& out);  ///< [{"name":…}]
void ranges_text(std::span<const wire::JobRange> ranges, std::string& out);      ///< 7,12-15

/// What `OutputFile`s read back point to.
struct OutputList {
  std::vector<wire::OutputFile> files;
  std::vector<std::string> strings;
};

bool read_gpus(std::string_view text, std::vector<uint16_t>& gpus);
bool read_outputs(std::string_view text, OutputList& outputs);
bool read_ranges(std::string_view text, std::vector<wire::JobRange>& ranges);

}  // namespace berth::net
