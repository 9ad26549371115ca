#pragma once

namespace berth::agent {

/// Removes `name` in `directory` and all below it; never follows a symbolic link, never leaves the
/// file system it starts on. False: something is left.
bool remove_tree_at(int directory, const char* name);

}  // namespace berth::agent
