#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace berth::agent {

/// Why an image cannot be run: one sentence, for whoever wrote the job.
class ImageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An image as files, and what it says of how to run it.
struct Image {
  std::filesystem::path rootfs;
  std::filesystem::path unpacked;  ///< the directory that was made for it; empty: none was
  std::vector<std::string> args;
  std::vector<std::string> env;
};

/// Finds `name` (a path, or a name below `images`) and reads it: an OCI bundle, the root of a file
/// system, or an archive of that or of `docker save`. Archives are unpacked below `cache`, once.
/// Throws ImageError.
Image find_image(
    const std::string& name,
    const std::filesystem::path& images,
    const std::filesystem::path& cache);

/// Removes the longest unused of what is unpacked below `cache` beyond `most`, but nothing that a
/// task below `tasks` still uses.
void trim_cache(
    const std::filesystem::path& cache, const std::filesystem::path& tasks, size_t most);

}  // namespace berth::agent
