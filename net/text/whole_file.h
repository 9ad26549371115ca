#pragma once

#include <cstddef>
#include <string>

namespace berth::net {

/// What one file may have: more than any list of jobs, and less than what hurts the machine.
inline constexpr size_t kWholeFileMax = size_t{1} << 30;

/// Everything in a file, or a pipe. The one way to read what somebody named: a stream of the
/// standard library throws where a folder is read, and ends nowhere where /dev/zero is.
///
/// Errors   false: `problem` is `'PATH' cannot be read (why)` or `'PATH' has more than … bytes`;
///          the caller says what it is for and what to do
bool read_whole_file(
    const std::string& path,
    std::string& text,
    std::string& problem,
    size_t bytes_max = kWholeFileMax);

/// The same of standard input.
bool read_standard_input(std::string& text, std::string& problem, size_t bytes_max = kWholeFileMax);

}  // namespace berth::net
