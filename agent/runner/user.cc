#include "agent/runner/user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>

namespace berth::agent {

namespace {

constexpr uid_t kNobody = 65534;

const passwd* look_up(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry != nullptr) return entry;
  uid_t uid = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
  return error == std::errc() && end == name.data() + name.size() ? getpwuid(uid) : nullptr;
}

User from_entry(const passwd& entry) {
  User user{entry.pw_uid, entry.pw_gid, {}, entry.pw_name, entry.pw_dir, {}};
  int count = 64;
  user.groups.resize(static_cast<size_t>(count));
  if (getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<size_t>(count));
    count = getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<size_t>(count < 0 ? 0 : count));
  return user;
}

}  // namespace

User find_user(const std::string& name) {
  if (name.empty()) {
    const passwd* own = getpwuid(geteuid());
    if (own != nullptr) return from_entry(*own);
    return {geteuid(), getegid(), {}, std::to_string(geteuid()), "/", {}};
  }
  const passwd* entry = look_up(name);
  if (entry == nullptr) {
    User user;
    user.problem = "there is no user '" + name +
                   "' on this machine to run tasks as; make one, or "
                   "give another one";
    return user;
  }
  User user = from_entry(*entry);
  if (geteuid() != 0 && user.uid != geteuid())
    user.problem = "tasks are to run as '" + name +
                   "', which only an agent of root can do; start it "
                   "as root or let tasks run as its own user";
  return user;
}

User nobody() {
  return {kNobody, kNobody, {}, "nobody", "/", {}};
}

}  // namespace berth::agent
