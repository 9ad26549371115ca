#include <algorithm>

#include <CLI/CLI.hpp>

#include "net/text/units.h"
#include "tools/cli/command_tree.h"
#include "tools/cli/place_options.h"
#include "tools/cli/selectors.h"

namespace berth::cli {
namespace {

constexpr const char* kEverywhere =
    "Everywhere: --server HOST:PORT[,...] --token-file FILE --timeout TIME --json; see berth "
    "--help";

constexpr const char* kSelectors =
    "JOB is an id (12), a range (10-20), 'last' (what was last submitted from here), or a job's "
    "name "
    "or the beginning of it.\n";

void add_text(
    CLI::App& command, const char* name, std::string& to, const char* type, const char* help) {
  command.add_option(name, to, help)->type_name(type);
}

template <typename Number>
void add_number(
    CLI::App& command,
    const char* name,
    Number& to,
    uint64_t max,
    const char* type,
    const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [&to, name, max](const std::string& text) {
            to = static_cast<Number>(count_value(name, text, max));
          },
          help)
      ->type_name(type);
}

void add_option(CLI::App& command, JobDraft& draft, const JobField& field) {
  const std::string flag = "--" + field.name;
  const auto take = [&draft, &field, flag](const std::string& text) {
    const std::string problem = field.set(draft, text);
    if (!problem.empty()) throw CLI::ValidationError(flag, problem);
  };
  if (field.kind == JobField::Kind::Switch) {
    command.add_flag_callback(
        flag, [take] { take("true"); }, field.help);
    return;
  }
  CLI::Option* option = nullptr;
  if (field.kind == JobField::Kind::Value) {
    option = command.add_option_function<std::string>(flag, take, field.help);
  } else {
    option = command.add_option_function<std::vector<std::string>>(
        flag,
        [take](const std::vector<std::string>& values) {
          for (const std::string& value : values)
            take(value);
        },
        field.help);
    option->expected(1)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeAll);
  }
  option->type_name(field.value);
  if (!field.choices.empty()) option->check(CLI::IsMember(field.choices));
}

/// The flags; parsing writes to `draft`, which outlives the command.
void add_job_options(CLI::App& command, JobDraft& draft) {
  for (const JobField& field : job_fields()) {
    if (!field.key_only) add_option(command, draft, field);
  }
}

void add_submit_options(CLI::App& command, Invocation& invocation) {
  JobAsk& job = invocation.job;
  add_job_options(command, job.draft);
  command.add_flag(
      "--refuse-unsatisfiable",
      job.refuse_unsatisfiable,
      "Fail when no worker that is known could ever run it");
  add_text(
      command,
      "--request-id",
      job.request_id,
      "ID",
      "Submitting again under the same id gets the same jobs (default: random)");
}

void add_run(CLI::App& app, Invocation& invocation) {
  CLI::App* run = add_command(
      app,
      invocation,
      Command::Run,
      "run",
      "Run a command as a job: its output here, its exit code too",
      "  berth run -- make test\n"
      "  berth run --cpu 4 --memory 8GiB --tags gpu --attempts 3 -- python3 train.py\n"
      "  berth run --detach --at +10m -- ./report.sh\n\n"
      "Ends with the exit code of the task, 128 and the signal's number when a signal ended it, "
      "124\n"
      "after its --timeout, or 125 when Berth could not run it. Ctrl-C asks, a second one aborts.\n"
      "--timeout after 'run' is the task's; the one of an answer stands before it.\n");
  run->add_flag("--detach", invocation.job.detach, "Print the job's id and leave");
  add_submit_options(*run, invocation);
}

void add_submit(CLI::App& job, Invocation& invocation) {
  CLI::App* submit = add_command(
      job,
      invocation,
      Command::JobSubmit,
      "submit",
      "Hand over jobs, and print their ids",
      "  berth job submit --name nightly --attempts 3 -- ./backup.sh\n"
      "  berth job submit --array 1-1000 -- sh -c 'echo $BERTH_ARRAY_INDEX'\n"
      "  berth job submit --file jobs.toml\n"
      "  berth job submit --each-line files.txt --cpu 1 -- gzip\n"
      "  echo '{\"command\": [\"true\"]}' | berth job submit --stdin --json\n\n"
      "--timeout after 'submit' is the task's; the one of an answer stands before it.\n");
  CLI::Option* file =
      submit->add_option("--file", invocation.job.file, "Jobs as TOML or JSON; - is standard input")
          ->type_name("FILE");
  CLI::Option* lines = submit
                           ->add_option(
                               "--each-line",
                               invocation.job.each_line,
                               "A job for each line: the last argument of CMD, or a line for the "
                               "shell; - is standard input")
                           ->type_name("FILE")
                           ->excludes(file);
  submit->add_flag("--stdin", invocation.job.from_stdin, "Jobs as JSON from standard input")
      ->excludes(file)
      ->excludes(lines);
  add_submit_options(*submit, invocation);
}

void add_filters(CLI::App& list, Invocation& invocation) {
  client::JobFilter& filter = invocation.job.filter;
  list.add_option_function<std::vector<std::string>>(
          "--state",
          [&filter](const std::vector<std::string>& words) {
            for (const std::string& word : words) {
              for (const std::string_view each : net::split_list(word)) {
                const auto state = client::state_from(each);
                if (!state) {
                  throw CLI::ValidationError(
                      "--state",
                      "'" + std::string(each) +
                          "' is not PENDING, ASSIGNED, RUNNING, LOST, RETRYING, COMPLETED, FAILED "
                          "or ABORTED");
                }
                filter.states.push_back(*state);
              }
            }
          },
          "Only jobs in one of these states")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("STATE,STATE");
  add_text(list, "--queue", filter.queue, "NAME", "Only jobs of this queue");
  add_text(list, "--tenant", filter.tenant, "NAME", "Only jobs of this tenant");
  add_text(
      list, "--worker", filter.worker, "ID", "Only jobs that are, or were last, on this worker");
  add_text(list, "--name", filter.name, "NAME", "Only jobs whose name begins so");
  list.add_option_function<std::string>(
          "--label",
          [&filter](const std::string& text) {
            const auto label = net::parse_label(text);
            if (!label)
              throw CLI::ValidationError("--label", "'" + text + "' is not " + net::kLabelForm);
            filter.label = {std::string(label->first), std::string(label->second)};
          },
          "Only jobs with this label")
      ->type_name("KEY=VALUE");
}

void add_list(CLI::App& job, Invocation& invocation) {
  CLI::App* list = add_command(
      job,
      invocation,
      Command::JobList,
      "list",
      "Jobs, the newest first",
      "  berth job list --state RUNNING,PENDING\n"
      "  berth job list --oldest --limit 20\n"
      "  berth job list --limit 0 --json\n");
  add_filters(*list, invocation);
  client::JobFilter& filter = invocation.job.filter;
  // Whoever types this wants to see what is going on, not a history of a million rows.
  filter.limit = 50;
  filter.newest_first = true;
  add_number(
      *list,
      "--limit",
      filter.limit,
      10'000'000,
      "N",
      "At most so many rows, 0: all (default: 50)");
  add_number(*list, "--cursor", filter.cursor, UINT64_MAX, "N", "Go on where the last list ended");
  list->add_flag_callback(
      "--oldest", [&filter] { filter.newest_first = false; }, "The oldest first");
}

void add_logs(CLI::App& job, Invocation& invocation) {
  CLI::App* logs = add_command(
      job,
      invocation,
      Command::JobLogs,
      "logs",
      "What a task wrote; checked by its SHA-256 once it has ended",
      "  berth job logs last\n  berth job logs -f 12\n  berth job logs --stderr --attempt 1 12\n");
  logs->add_flag("-f,--follow", invocation.job.follow, "Go on until the attempt has ended");
  logs->add_flag("--stderr", invocation.job.stderr_stream, "Standard error instead");
  add_number(
      *logs,
      "--attempt",
      invocation.job.attempt,
      UINT32_MAX,
      "N",
      "Of this attempt (default: the last)");
  add_selectors(*logs, invocation, true, true);
}

void add_wait(CLI::App& job, Invocation& invocation) {
  CLI::App* wait = add_command(
      job,
      invocation,
      Command::JobWait,
      "wait",
      "Wait until jobs have ended; 1 when one FAILED or was ABORTED",
      "  berth job wait 12 20-30\n  berth job wait last --timeout 1h\n  berth job wait --all\n\n"
      "--timeout after 'wait' bounds the wait; the one before it bounds each answer alone.\n");
  add_selectors(*wait, invocation, false, false);
  wait->add_flag("--all", invocation.job.all, "All jobs that have not ended now");
  wait->add_option_function<std::string>(
          "--timeout",
          [&invocation](const std::string& text) {
            // 0 would be for ever.
            invocation.job.patience =
                std::max(client::Milliseconds(1), duration_value("--timeout", text));
          },
          "Give up, with exit code 8, after so long (default: never)")
      ->type_name("TIME");
}

void add_changes(CLI::App& job, Invocation& invocation) {
  CLI::App* abort = add_command(
      job,
      invocation,
      Command::JobAbort,
      "abort",
      "End jobs, also those that run",
      "  berth job abort 12 --reason 'wrong input'\n  berth job abort --worker node-7\n");
  add_selectors(*abort, invocation, false, false);
  add_text(
      *abort,
      "--worker",
      invocation.job.worker,
      "ID",
      "Those on this worker; without JOB all on it");
  add_text(*abort, "--reason", invocation.reason, "TEXT", "Why; kept with the job");
  CLI::App* retry = add_command(
      job,
      invocation,
      Command::JobRetry,
      "retry",
      "Start jobs that FAILED or were ABORTED again",
      "  berth job retry 12\n  berth job retry last\n");
  add_selectors(*retry, invocation, true, false);
}

void add_looks(CLI::App& job, Invocation& invocation) {
  CLI::App* show = add_command(
      job,
      invocation,
      Command::JobShow,
      "show",
      "Everything about one job",
      "  berth job show 12\n  berth job show last --json | jq .attempts\n");
  add_selectors(*show, invocation, true, true);
  CLI::App* explain = add_command(
      job,
      invocation,
      Command::JobExplain,
      "explain",
      "Why a job is pending, or why it went where it is",
      "  berth job explain 12\n");
  add_selectors(*explain, invocation, true, true);
  CLI::App* watch = add_command(
      job,
      invocation,
      Command::JobWatch,
      "watch",
      "Print what happens to jobs as it happens",
      "  berth job watch\n  berth job watch 10-20 --json --count 5\n");
  add_selectors(*watch, invocation, false, false);
  add_number(
      *watch, "--after", invocation.job.after, UINT64_MAX, "N", "Go on after this sequence number");
  add_number(
      *watch,
      "--count",
      invocation.count,
      1'000'000'000,
      "N",
      "End after so many events (default: never)");
}

void add_admin(CLI::App& app, Invocation& invocation) {
  CLI::App* admin = add_command(
      app,
      invocation,
      Command::None,
      "admin",
      "What operators need",
      "  berth admin backup /backup/berth.db\n");
  admin->require_subcommand(1);
  CLI::App* backup = add_command(
      *admin,
      invocation,
      Command::Backup,
      "backup",
      "Copy the store, while the server goes on, to a file of the server's machine",
      "  berth admin backup /backup/berth.db\n");
  backup->add_option("file", invocation.job.path, "The new file")->type_name("FILE")->required();
}

bool takes_command(Command command) {
  return command == Command::Run || command == Command::JobSubmit;
}

}  // namespace

void add_selectors(CLI::App& command, Invocation& invocation, bool required, bool one) {
  CLI::Option* option =
      command.add_option("jobs", invocation.job.selectors, "Ids, ranges, 'last' or names")
          ->type_name("JOB")
          ->expected(1, one ? 1 : 100'000)
          ->check([](const std::string& word) {
            return parse_selector(word)
                       ? std::string()
                       : "'" + word +
                             "' is no job; say an id (12), a range (10-20), 'last' or a name";
          });
  if (required) option->required();
}

CLI::App* add_command(
    CLI::App& parent,
    Invocation& invocation,
    Command command,
    const char* name,
    const char* help,
    const std::string& examples) {
  CLI::App* added = parent.add_subcommand(name, help);
  added->fallthrough();  // so that --server and --json may stand after the command, too
  added->footer("Examples:\n" + examples + "\n" + kEverywhere);
  added->final_callback([&invocation, command] {
    if (command != Command::None) invocation.command = command;
  });
  return added;
}

void add_job_commands(CLI::App& app, Invocation& invocation) {
  add_run(app, invocation);
  CLI::App* job = add_command(
      app,
      invocation,
      Command::None,
      "job",
      "Submit, watch and change durable jobs",
      std::string("  berth job submit --array 1-1000 -- ./step.sh\n  berth job wait last\n\n") +
          kSelectors);
  job->require_subcommand(1);
  add_submit(*job, invocation);
  add_list(*job, invocation);
  add_looks(*job, invocation);
  add_logs(*job, invocation);
  add_wait(*job, invocation);
  add_changes(*job, invocation);
  add_admin(app, invocation);
}

std::string job_arguments_problem(const Invocation& invocation, bool has_command) {
  const JobAsk& job = invocation.job;
  const bool files = !job.file.empty() || !job.each_line.empty() || job.from_stdin;
  const client::JobSpec& spec = job.draft.spec;
  switch (invocation.command) {
    case Command::Run:
      if (spec.array) return "--array: 'run' has one task; use 'berth job submit --array'";
      [[fallthrough]];
    case Command::JobSubmit:
      if (!files && spec.command.empty() && spec.image.empty()) {
        return "there is no command; write it at the end, after --";
      }
      if (has_command && (!job.file.empty() || job.from_stdin)) {
        return "the jobs come from a file, and so do their commands; leave out what follows --";
      }
      return {};
    case Command::JobWait:
      if (job.all == job.selectors.empty()) return {};
      return job.all ? "--all and JOB exclude each other" : "say which jobs, or --all";
    case Command::JobAbort:
      if (job.selectors.empty() && job.worker.empty()) return "say which jobs, or --worker ID";
      return {};
    default: break;
  }
  if (has_command && !takes_command(invocation.command)) {
    return "'--' is followed by a command in 'run' and 'job submit' alone";
  }
  return {};
}

}  // namespace berth::cli
