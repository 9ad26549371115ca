#include "tools/cli/pddl.h"

#include <cstdio>
#include <vector>

namespace berth::cli {

namespace {

using core::Amount;
using core::kNever;
using core::Problem;
using core::Ticks;

/// `w3-gpu_box`: the number keeps names apart that differ only in what PDDL does not allow.
std::string name_of(char kind, size_t number, const std::string& id) {
  std::string name = kind + std::to_string(number) + '-';
  for (char letter : id) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') || letter == '-';
    name += plain ? letter : '_';
  }
  return name;
}

std::string decimal(int64_t millionths) {
  char text[40];
  std::snprintf(
      text,
      sizeof text,
      "%lld.%06lld",
      static_cast<long long>(millionths / 1'000'000),
      static_cast<long long>(millionths % 1'000'000));
  return text;
}

class Writer {
 public:
  explicit Writer(const Problem& problem) : problem_(problem) {
    for (size_t i = 0; i < problem.resources.size(); ++i)
      resources_.push_back(name_of('r', i, problem.resources[i]));
    for (size_t i = 0; i < problem.workers.size(); ++i)
      workers_.push_back(name_of('w', i, problem.workers[i].id));
    for (size_t i = 0; i < problem.tasks.size(); ++i) {
      tasks_.push_back(name_of('t', i, problem.tasks[i].id));
      timed_ = timed_ || problem.tasks[i].release > 0 || has_deadline(problem.tasks[i]);
    }
    named_.resize(problem.tasks.size());
    for (size_t i = 0; i < problem.tasks.size(); ++i) {
      for (uint32_t before : problem.tasks[i].after)
        named_[before] = named_[i] = 1;
    }
  }

  std::string domain() const {
    std::string out =
        "; What runs, for how long, and what it takes while it does.\n(define (domain berth)\n";
    out += "  (:requirements :typing :durative-actions :numeric-fluents";
    out += timed_ ? " :timed-initial-literals)\n" : ")\n";
    out +=
        "  (:types worker load - object task running - load)\n"
        "  (:predicates\n"
        "    (waiting ?t - task) (done ?t - task) (follows-none ?t - task)\n"
        "    (released ?t - task) (open ?t - task) (may-run ?t - task ?w - worker)\n"
        "    (going ?r - running) (on ?r - running ?w - worker))\n"
        "  (:functions\n"
        "    (takes ?t - task ?w - worker) (left ?r - running)";
    for (const std::string& resource : resources_)
      out += "\n    (free-" + resource + " ?w - worker) (demand-" + resource + " ?l - load)";
    out += ")\n";
    out += action("run", "?t", "?t - task ?w - worker", "(at start (follows-none ?t))");
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (problem_.tasks[i].after.empty()) continue;
      std::string ended;
      for (uint32_t before : problem_.tasks[i].after)
        ended += "(at start (done " + tasks_[before] + "))";
      out += action("run-" + tasks_[i], tasks_[i], "?w - worker", ended);
    }
    out += end_action() + ")\n";
    return with_constants(out);
  }

  std::string problem() const {
    std::string out = "(define (problem berth-plan)\n  (:domain berth)\n  (:objects";
    for (const std::string& worker : workers_)
      out += "\n    " + worker + " - worker";
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (!is_constant(i)) out += "\n    " + tasks_[i] + " - task";
    }
    for (size_t i = 0; i < problem_.busy.size(); ++i)
      out += "\n    b" + std::to_string(i) + " - running";
    out += ")\n  (:init" + init_workers() + init_tasks() + init_running() + ")\n  (:goal (and";
    for (const std::string& task : tasks_)
      out += "\n    (done " + task + ")";
    out += "))\n" + metric() + ")\n";
    return out;
  }

 private:
  bool has_deadline(const Problem::Task& task) const {
    const bool hard =
        problem_.goal == core::Goal::Makespan || problem_.goal == core::Goal::WorkersUsed;
    return hard && task.deadline < kNever;
  }

  /// Tasks that actions name have to be known to the domain.
  bool is_constant(size_t task) const { return named_[task] != 0; }

  std::string with_constants(std::string out) const {
    std::string constants;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (is_constant(i)) constants += " " + tasks_[i];
    }
    if (constants.empty()) return out;
    return out.insert(out.find("  (:predicates"), "  (:constants" + constants + " - task)\n");
  }

  /// `task` runs on ?w: a variable, or the name of one that has to wait for others.
  std::string action(
      const std::string& name,
      const std::string& task,
      const std::string& parameters,
      const std::string& condition) const {
    std::string out = "  (:durative-action " + name + "\n    :parameters (" + parameters + ")\n";
    out += "    :duration (= ?duration (takes " + task + " ?w))\n    :condition (and " + condition;
    out += "\n      (at start (waiting " + task + ")) (at start (may-run " + task + " ?w))";
    if (timed_) out += "\n      (at start (released " + task + ")) (over all (open " + task + "))";
    for (const std::string& resource : resources_)
      out += "\n      (at start (>= (free-" + resource + " ?w) (demand-" + resource + " " + task +
             ")))";
    out +=
        ")\n    :effect (and (at start (not (waiting " + task + "))) (at end (done " + task + "))";
    return out + changes("at start", "decrease", task) + changes("at end", "increase", task) +
           "))\n";
  }

  std::string end_action() const {
    if (problem_.busy.empty()) return {};
    return "  (:durative-action end\n    :parameters (?r - running ?w - worker)\n"
           "    :duration (= ?duration (left ?r))\n"
           "    :condition (and (at start (going ?r)) (at start (on ?r ?w)))\n"
           "    :effect (and (at start (not (going ?r)))" +
           changes("at end", "increase", "?r") + "))\n";
  }

  std::string changes(const char* when, const char* how, const std::string& load) const {
    std::string out;
    for (const std::string& resource : resources_) {
      out += std::string("\n      (") + when + " (" + how + " (free-" + resource + " ?w) (demand-" +
             resource + " " + load + ")))";
    }
    return out;
  }

  std::string init_workers() const {
    std::string out;
    for (size_t w = 0; w < workers_.size(); ++w) {
      std::vector<Amount> free = problem_.workers[w].capacity;
      for (const Problem::Busy& busy : problem_.busy) {
        for (size_t r = 0; busy.worker == w && r < free.size(); ++r)
          free[r] -= busy.demand[r];
      }
      for (size_t r = 0; r < free.size(); ++r)
        out +=
            "\n    (= (free-" + resources_[r] + " " + workers_[w] + ") " + decimal(free[r]) + ")";
    }
    return out;
  }

  std::string init_tasks() const {
    std::string out;
    for (uint32_t t = 0; t < tasks_.size(); ++t) {
      const Problem::Task& task = problem_.tasks[t];
      out += "\n    (waiting " + tasks_[t] + ")";
      if (task.after.empty()) out += " (follows-none " + tasks_[t] + ")";
      if (timed_) out += init_times(t);
      for (size_t r = 0; r < resources_.size(); ++r) {
        out += "\n    (= (demand-" + resources_[r] + " " + tasks_[t] + ") " +
               decimal(task.demand[r]) + ")";
      }
      for (uint32_t w = 0; w < workers_.size(); ++w) {
        const Ticks takes = problem_.duration_on(t, w);
        if (takes >= kNever) continue;
        const std::string pair = tasks_[t] + " " + workers_[w];
        out += "\n    (may-run " + pair + ") (= (takes " + pair + ") " + decimal(takes) + ")";
      }
    }
    return out;
  }

  std::string init_times(uint32_t t) const {
    const Problem::Task& task = problem_.tasks[t];
    const std::string released = "(released " + tasks_[t] + ")";
    std::string out = task.release > 0 ? "\n    (at " + decimal(task.release) + " " + released + ")"
                                       : "\n    " + released;
    out += " (open " + tasks_[t] + ")";
    if (!has_deadline(task)) return out;
    return out + "\n    (at " + decimal(task.deadline) + " (not (open " + tasks_[t] + ")))";
  }

  std::string init_running() const {
    std::string out;
    for (size_t i = 0; i < problem_.busy.size(); ++i) {
      const Problem::Busy& busy = problem_.busy[i];
      const std::string name = "b" + std::to_string(i);
      out += "\n    (going " + name + ") (on " + name + " " + workers_[busy.worker] +
             ") (= (left " + name + ") " + decimal(busy.until) + ")";
      for (size_t r = 0; r < resources_.size(); ++r)
        out +=
            "\n    (= (demand-" + resources_[r] + " " + name + ") " + decimal(busy.demand[r]) + ")";
    }
    return out;
  }

  std::string metric() const {
    std::string out;
    if (problem_.goal != core::Goal::Makespan) {
      out = "  ; The objective was another; this language has no word for it.\n";
    }
    return out + "  (:metric minimize (total-time))";
  }

  const Problem& problem_;
  std::vector<std::string> resources_;
  std::vector<std::string> workers_;
  std::vector<std::string> tasks_;
  std::vector<char> named_;  // by an action
  bool timed_ = false;
};

}  // namespace

Pddl to_pddl(const core::Problem& problem) {
  const Writer writer(problem);
  return {writer.domain(), writer.problem()};
}

}  // namespace berth::cli
