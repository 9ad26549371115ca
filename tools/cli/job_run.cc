#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <utility>

#include "net/forms/job_shapes.h"
#include "net/forms/times.h"
#include "tools/cli/commands.h"
#include "tools/cli/desk.h"
#include "tools/cli/job_submit.h"
#include "tools/cli/job_text.h"
#include "tools/cli/selectors.h"

namespace berth::cli {
namespace {

using client::JobState;
using std::chrono::milliseconds;

constexpr int kBerthFailed = 125;
constexpr int kTimedOut = 124;              // as timeout(1) says it
constexpr int kSignalled = 128;             // and the signal's number
constexpr int kInterrupted = 130;           // 128 and SIGINT
constexpr milliseconds kAgain{500};         // after something was not to be had
constexpr milliseconds kLookAnyway{5'000};  // events may be lost
constexpr int kReadTriesMax = 10;

/// How `berth run` ends when its job has ended.
int exit_of(const client::JobStatus& job) {
  const client::JobError& error = job.last_error;
  if (job.state == JobState::Completed) return 0;
  switch (error.kind) {
    case client::ErrorClass::Exit: return error.exit_code;
    case client::ErrorClass::Signal: return kSignalled + error.signal;
    case client::ErrorClass::Oom: return kSignalled + (error.signal != 0 ? error.signal : 9);
    case client::ErrorClass::Timeout: return kTimedOut;
    default: return kBerthFailed;
  }
}

bool passes(const client::Error& error) {
  return error.code == client::ErrorCode::Unreachable ||
         error.code == client::ErrorCode::TimedOut ||
         (error.code == client::ErrorCode::Refused &&
          (error.refusal == client::Refusal::ShuttingDown ||
           error.refusal == client::Refusal::Busy));
}

/// One job from its submit to its end: its output here as it comes, attempt after attempt.
///
/// Shape    an event wakes, `show` says what is, the attempts that have started are read one after
///          the other
/// Threads  the main one; what comes on the client's is posted to the desk, but for output, which
///          is written there: whoever reads slowly slows the reading
class JobRun {
 public:
  explicit JobRun(Session& session) : session_(session), desk_([this] { on_interrupt(); }) {}

  int run();

 private:
  struct Stream {
    client::OutputStream kind;
    FILE* to;
    bool done = false;
    int tries = 0;
    bool waiting = false;  // to be read again
    uint64_t offset = 0;   // written so far; the client's thread's while it is read
    bool broken = false;   // could not be written; the same
  };

  void look();
  void tick();
  void on_details(client::Result<client::JobDetails> details);
  void go_on();
  bool start_next_attempt();
  void read(Stream& stream);
  void on_read(Stream& stream, const client::Result<client::LogEnd>& end);
  void on_interrupt();
  void abort();
  void end(int code);
  int say_end();

  Session& session_;
  Desk desk_;
  client::BlockingClient* berth_ = nullptr;
  client::JobId job_ = 0;
  client::JobDetails details_;
  Stream streams_[2] = {
      {client::OutputStream::Stdout, stdout}, {client::OutputStream::Stderr, stderr}};
  uint32_t attempt_ = 0;  // being read, or the last one read
  uint64_t epoch_ = 0;    // of its assignment
  bool reading_ = false;
  std::atomic<bool> worker_lost_{false};  // the one of this attempt
  bool looking_ = false;
  bool look_again_ = false;
  bool told_lost_ = false;
  int interrupts_ = 0;
  int code_ = kBerthFailed;
};

int JobRun::run() {
  Exit exit = Exit::Failed;
  berth_ = session_.client(exit);
  if (berth_ == nullptr) return kBerthFailed;
  const auto submitted = submit_jobs(session_, *berth_, {session_.invocation().job.draft}, exit);
  if (!submitted) return kBerthFailed;
  job_ = submitted->jobs.front().first;
  const client::WatchId watch = berth_->async().watch_jobs(
      {.jobs = {{job_, job_}}},
      [this](const client::JobEvent&) { desk_.post([this] { look(); }); },
      [this](const client::Result<client::Done>&) { desk_.post([this] { look(); }); });
  desk_.run();
  berth_->async().unwatch(watch);
  // What still comes is posted to the desk: it has to be there until the client's thread has ended.
  session_.close();
  return code_;
}

void JobRun::end(int code) {
  code_ = code;
  desk_.leave();
}

// ---- What is
// ----------------------------------------------------------------------------------------

void JobRun::look() {
  look_again_ = looking_;
  if (looking_) return;
  looking_ = true;
  const bool waiting = streams_[0].waiting || streams_[1].waiting;
  desk_.after(waiting ? kAgain : kLookAnyway, [this] { tick(); });
  berth_->async().show_job(job_, [this](client::Result<client::JobDetails> details) {
    desk_.post([this, details = std::move(details)] { on_details(details); });
  });
}

void JobRun::tick() {
  for (Stream& stream : streams_) {
    if (std::exchange(stream.waiting, false)) read(stream);
  }
  look();
}

void JobRun::on_details(client::Result<client::JobDetails> details) {
  looking_ = false;
  if (!details && !passes(details.error())) {
    (void)session_.fail(details.error());
    end(kBerthFailed);
    return;
  }
  if (!details) {
    if (!std::exchange(told_lost_, true)) {
      std::fprintf(
          stderr,
          "berth: %s; job %llu goes on, waiting for the server\n",
          details.error().message.c_str(),
          static_cast<unsigned long long>(job_));
    }
    desk_.after(kAgain, [this] { tick(); });
    return;
  }
  told_lost_ = false;
  details_ = std::move(details).value();
  for (const client::Attempt& attempt : details_.attempts) {
    // Its worker is gone: what has not come by now may never come.
    const bool lost = attempt.error.kind == client::ErrorClass::Lost;
    if (attempt.assignment.epoch == epoch_ && lost) worker_lost_ = true;
  }
  go_on();
  if (look_again_) look();
}

void JobRun::go_on() {
  if (reading_ || start_next_attempt()) return;
  if (client::has_ended(details_.job.state)) end(say_end());
}

int JobRun::say_end() {
  const client::JobStatus& job = details_.job;
  if (session_.invocation().json) {
    if (!write_out(to_line(job_details_json(details_, wall_ms())))) return kBerthFailed;
  }
  const int code = interrupts_ > 1 && job.state == JobState::Aborted ? kInterrupted : exit_of(job);
  const bool own =
      job.state == JobState::Completed || job.last_error.kind == client::ErrorClass::Exit;
  if (!own) {
    std::fprintf(
        stderr,
        "berth: job %llu is %s (%s)\n",
        static_cast<unsigned long long>(job_),
        std::string(client::state_token(job.state)).c_str(),
        error_text(job.last_error).c_str());
  }
  return code;
}

// ---- Output
// -----------------------------------------------------------------------------------------

bool JobRun::start_next_attempt() {
  if (session_.invocation().json) return false;  // stdout is for the one object
  for (const client::Attempt& attempt : details_.attempts) {
    if (attempt.assignment.epoch <= epoch_ || attempt.started_at_ms == 0) continue;
    epoch_ = attempt.assignment.epoch;
    attempt_ = attempt.assignment.attempt;
    reading_ = true;
    worker_lost_ = false;
    for (Stream& stream : streams_) {
      stream.done = false;
      stream.offset = 0;
      stream.tries = 0;
      read(stream);
    }
    return true;
  }
  return false;
}

void JobRun::read(Stream& stream) {
  const client::LogRequest request{
      .job = job_, .attempt = attempt_, .stream = stream.kind, .offset = stream.offset};
  berth_->async().follow_log(
      request,
      [this, &stream](const client::LogChunk& chunk) {
        const size_t size = chunk.data.size();
        stream.broken = std::fwrite(chunk.data.data(), 1, size, stream.to) != size ||
                        std::fflush(stream.to) != 0;
        stream.offset += size;
        return !stream.broken && (size > 0 || !worker_lost_);
      },
      [this, &stream](const client::Result<client::LogEnd>& end) {
        desk_.post([this, &stream, end] { on_read(stream, end); });
      });
}

void JobRun::on_read(Stream& stream, const client::Result<client::LogEnd>& read_end) {
  if (stream.broken) {
    std::fprintf(
        stderr,
        "berth: the output cannot be written; job %llu goes on\n",
        static_cast<unsigned long long>(job_));
    end(kBerthFailed);
    return;
  }
  const bool again = !read_end && read_end.error().code != client::ErrorCode::Checksum &&
                     !client::has_ended(details_.job.state) && ++stream.tries < kReadTriesMax;
  if (again) {
    stream.waiting = true;
    desk_.after(kAgain, [this] { tick(); });
    return;
  }
  if (!read_end) {
    std::fprintf(stderr, "berth: %s\n", read_end.error().message.c_str());
  }
  stream.done = true;
  if (!streams_[0].done || !streams_[1].done) return;
  reading_ = false;
  look();  // what was known is from before the attempt's end
}

// ---- Ctrl-C
// -----------------------------------------------------------------------------------------

void JobRun::on_interrupt() {
  ++interrupts_;
  if (job_ == 0 || interrupts_ > 2) {
    end(kInterrupted);
  } else if (interrupts_ == 1) {
    std::fprintf(
        stderr,
        "\nberth: job %llu goes on; interrupt again to abort it\n",
        static_cast<unsigned long long>(job_));
  } else {
    abort();
  }
}

void JobRun::abort() {
  std::fprintf(
      stderr,
      "\nberth: aborting job %llu; interrupt once more to leave at once\n",
      static_cast<unsigned long long>(job_));
  berth_->async().abort_jobs(
      {.jobs = {{job_, job_}}, .reason = "interrupted"},
      [this](client::Result<client::JobsChanged> changed) {
        desk_.post([this, changed = std::move(changed)] {
          if (!changed) {
            (void)session_.fail(changed.error(), Session::OnOut::Nothing);
            end(kInterrupted);
          } else {
            look();
          }
        });
      });
}

/// Submits, and says which job it is.
int run_detached(Session& session) {
  return static_cast<int>(run_job_submit(session));
}

}  // namespace

int run_run(Session& session) {
  if (session.invocation().job.detach) return run_detached(session);
  return JobRun(session).run();
}

}  // namespace berth::cli
