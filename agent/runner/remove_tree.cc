#include "agent/runner/remove_tree.h"

#include <dirent.h>

#include <string>
#include <vector>

#include "agent/runner/small_file.h"

namespace berth::agent {

namespace {

bool is_dots(const char* name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/// Empties the directory; names of directories in it are returned.
bool unlink_files(int fd, std::vector<std::string>& directories) {
  DIR* entries = fdopendir(dup(fd));
  if (entries == nullptr) return false;
  bool whole = true;
  while (const dirent* entry = readdir(entries)) {
    if (is_dots(entry->d_name)) continue;
    if (unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT) continue;
    if (errno == EISDIR || errno == EPERM || errno == EBUSY) {
      directories.emplace_back(entry->d_name);
    } else {
      whole = false;
    }
  }
  closedir(entries);
  return whole;
}

bool remove_below(int parent, const char* name, dev_t device, int depth) {
  // The most common case by far: an empty directory.
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  // A task may nest directories as deep as it likes; descriptors and stack are not its to use up.
  if (depth > 256) return false;
  Fd directory(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0) {
    directory.reset(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  struct stat status {};
  if (!directory || fstat(directory.get(), &status) != 0 || status.st_dev != device) return false;
  // Without these bits its owner, who is not root, could not empty it.
  if ((status.st_mode & 0700) != 0700) (void)fchmod(directory.get(), 0700);  // seen below if not
  std::vector<std::string> inner;
  bool whole = unlink_files(directory.get(), inner);
  for (const std::string& each : inner)
    whole = remove_below(directory.get(), each.c_str(), device, depth + 1) && whole;
  return whole && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

}  // namespace

bool remove_tree_at(int directory, const char* name) {
  struct stat status {};
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  if (!S_ISDIR(status.st_mode)) return unlinkat(directory, name, 0) == 0;
  // Something may be mounted on the directory itself: its files are not ours to remove.
  struct stat above = status;
  if (directory != AT_FDCWD && fstat(directory, &above) != 0) return false;
  return remove_below(directory, name, above.st_dev, 0);
}

}  // namespace berth::agent
