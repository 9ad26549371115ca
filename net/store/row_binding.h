#pragma once

#include <cstdint>
#include <string_view>

#include "core/jobs/records.h"
#include "net/store/sqlite_handle.h"

/// Records to the parameters of a statement, from `at` on and in the order of the columns.
///
/// Memory   what is bound is borrowed, see Statement
namespace berth::net {

inline constexpr int kPendingColumns = 18;
inline constexpr int kAttemptColumns = 16;
inline constexpr int kEventColumns = 9;

constexpr int64_t as_signed(uint64_t value) {
  return static_cast<int64_t>(value);
}

/// The 13 columns that never change.
void bind_job(
    Statement& to,
    int at,
    const core::JobRecord& job,
    const wire::JobSpec& spec,
    std::string_view labels);
/// 4 columns.
void bind_error(Statement& to, int at, const wire::JobError& error);
/// 3 columns.
void bind_usage(Statement& to, int at, const wire::TaskUsage& usage);
void bind_attempt(
    Statement& to, int at, const core::AttemptRecord& attempt, std::string_view outputs);
void bind_event(Statement& to, int at, const wire::JobEvent& event);

}  // namespace berth::net
