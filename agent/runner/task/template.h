#pragma once

#include <string_view>

namespace berth::agent {

/// What travels to a template, with the task's directory and its order as descriptors, and back,
/// with the pidfd of the supervisor that was made.
struct TemplateRequest {
  bool recover = false;
  char name[64] = {};  ///< of the task, for people who look at the list of processes
};
struct TemplateAnswer {
  int pid = -1;  ///< it could not fork
};
inline constexpr int kTemplateSocket = 3;

/// Forks a supervisor for every request until the agent closes its end. To fork is a fifth of the
/// work of executing a program anew: on virtual machines the C library's questions about the
/// processor alone take longer than all else at its start.
///
/// `supervise` is called in the child, with the order as descriptor 3, in the task's directory; its
/// value is the child's exit code. `title` is memory that `ps` shows.
void serve_template(int (*supervise)(std::string_view mode), char* title, size_t title_bytes);

}  // namespace berth::agent
