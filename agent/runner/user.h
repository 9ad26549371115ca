#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace berth::agent {

/// Somebody that tasks may run as.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string name;
  std::string home = "/";
  std::string problem;  ///< not empty: there is no such user, or this agent may not become it
};

/// By name or number, from the machine's own lists; empty: the user of this process.
User find_user(const std::string& name);
/// Who sandboxed tasks of root are: nobody in particular.
User nobody();

}  // namespace berth::agent
