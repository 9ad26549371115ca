#include "agent/runner/seccomp_filter.h"

#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>

#include "agent/runner/refused_calls.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

namespace {

constexpr uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);

bool add_rules(scmp_filter_ctx context) {
  for (const char* name : kRefusedCalls) {
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR) continue;  // of another architecture, or newer than the library
    if (seccomp_rule_add(context, kRefuse, call, 0) != 0) return false;
  }
  if (seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) != 0) return false;
  for (unsigned long long flag : kNamespaceFlags) {
    if (seccomp_rule_add(
            context, kRefuse, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)) != 0)
      return false;
  }
  // Typing into the terminal of whoever started the agent.
  return seccomp_rule_add(
             context,
             kRefuse,
             SCMP_SYS(ioctl),
             1,
             SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI)) == 0;
}

}  // namespace

SeccompFilter make_seccomp_filter() {
  SeccompFilter filter;
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
  Fd file(memfd_create("seccomp", MFD_CLOEXEC));
  bool made = context != nullptr && file && add_rules(context) &&
              seccomp_export_bpf(context, file.get()) == 0 && lseek(file.get(), 0, SEEK_SET) == 0;
  if (made) {
    std::string bytes = read_all(file.get()).value_or("");
    filter.program.assign(bytes.begin(), bytes.end());
  }
  if (context != nullptr) seccomp_release(context);
  if (filter.program.empty()) filter.problem = "libseccomp cannot make its filter of system calls";
  return filter;
}

}  // namespace berth::agent
