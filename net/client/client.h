#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job_types.h"
#include "plan_types.h"
#include "result.h"
#include "types.h"

struct uv_loop_s;  // libuv's loop, for those who bring their own

namespace berth::client {

inline constexpr uint16_t kDefaultPort = 7640;

enum class Role : uint8_t { Client = 0, Agent = 1 };

/// How a client finds its servers and how long it is patient.
struct Options {
  std::vector<std::string> endpoints{"127.0.0.1:7640"};  ///< HOST[:PORT], tried in this order
  std::string token{};                                   ///< secret shared with the server
  std::string identity{};  ///< for the server's log; default: the host
  Role role = Role::Client;
  Milliseconds timeout{5'000};          ///< of a request, when none is given with it
  Milliseconds connect_timeout{2'000};  ///< of one endpoint, up to its welcome
  Milliseconds backoff_first{50};       ///< pause after every endpoint failed; doubles, with jitter
  Milliseconds backoff_max{5'000};
  /// A request that finds no server fails `unreachable` once all endpoints failed so many times.
  uint32_t rounds_max = 3;
  /// A connection on which nothing arrives for so long, asked once again, is given up.
  Milliseconds silence_max{10'000};
  uint32_t pending_max = 65'536;  ///< requests under way at once; at most 1,048,575
};

/// Endpoints from `HOST[:PORT],HOST[:PORT]…`; IPv6 as `[::1]:7640`. BadArgument names the bad one.
BERTH_API Result<std::vector<std::string>> parse_endpoints(const std::string& list);

template <typename T>
using Callback = std::function<void(Result<T>)>;

/// Says whether the worker of a placement takes the task. Call it once, from any thread.
using Accept = std::function<void(bool accepted)>;
using TryStart = std::function<void(const Placement& placement, Accept accept)>;

using WatchId = uint64_t;

/// A wait for jobs to end.
struct WaitRequest {
  std::vector<JobRange> jobs{};
  Milliseconds timeout{0};  ///< 0: for as long as it takes
  /// Gets how far they are, now and then; the first at once.
  std::function<void(const JobCounts&)> on_progress{};
};

/// What a followed log was, once its end is reached.
struct LogEnd {
  uint32_t attempt = 0;
  uint64_t bytes = 0;
  bool truncated = false;  ///< it was cut at the worker's limit
  std::string sha256{};    ///< as the worker says; checked when it was read from the start
};

/// A connection to a Berth server, and to the next one when that fails.
///
/// Shape    one connection at a time; requests are numbered and pipelined without limit but
///          `pending_max`; what one loop turn asks for leaves in one write
/// Loss     the next endpoint is tried at once, all of them again after a jittered, doubling pause.
///          Requests under way are sent again when that is harmless (place by its task id, release,
///          submit by its request id, every read), else they fail `unreachable`
/// Units    deadlines are kept to 10 ms; a `timeout` of 0 means `Options::timeout`
/// Threads  every member may be called from any thread at any time but during destruction.
///          Callbacks run on the loop's thread, one after another; they may call the client and
///          must not block. `overloaded` and `stopped` come back at once, on the calling thread
/// Memory   a slab of pending requests that grows to `pending_max`, each keeping its frame
/// Errors   values, never exceptions; every request gets exactly one answer
class BERTH_API Client {
 public:
  /// A client with a loop and a thread of its own. Connects in the background; the first requests
  /// wait for it.
  static Result<std::unique_ptr<Client>> create(Options options);

  /// A client on the caller's loop. Create and destroy it on the thread that runs the loop, and let
  /// the loop run until it has nothing left to do after destroying it. Your program has to ignore
  /// SIGPIPE then, as with any use of libuv.
  static Result<std::unique_ptr<Client>> create_on(uv_loop_s* loop, Options options);

  /// Answers what is pending with `stopped`, then closes.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void place(PlaceRequest request, Callback<Placement> done, Milliseconds timeout = {});

  /// Places, asks `try_start`, and when it says no releases, excludes that worker and asks again,
  /// three times at most; then `workers_refused`.
  void place_until_accepted(
      PlaceRequest request,
      TryStart try_start,
      Callback<Placement> done,
      Milliseconds timeout = {});

  void release(ReleaseRequest request, Callback<Released> done, Milliseconds timeout = {});

  /// Gives one reservation back without waiting for the answer. All of one loop turn leave in one
  /// frame; what cannot be delivered expires on the server by itself.
  void release(ReservationId reservation);

  /// Any number of workers may beat through one client. A beat is never sent twice.
  void heartbeat(Heartbeat beat, Callback<HeartbeatAnswer> done, Milliseconds timeout = {});

  void list_workers(ListRequest request, Callback<WorkerPage> done, Milliseconds timeout = {});
  void show_worker(std::string worker, Callback<Worker> done, Milliseconds timeout = {});
  void set_worker(
      std::string worker,
      WorkerAction action,
      std::string reason,
      Callback<Done> done,
      Milliseconds timeout = {});
  void stats(Callback<std::vector<Stat>> done, Milliseconds timeout = {});
  void tags(Callback<std::vector<TagCount>> done, Milliseconds timeout = {});

  /// The round trip through the server's ordinary path.
  void ping(Callback<std::chrono::nanoseconds> done, Milliseconds timeout = {});

  /// Who answers; waits for a connection.
  void server(Callback<ServerInfo> done, Milliseconds timeout = {});

  /// `on_event` gets every worker event from now on; one with `gap` set where some may be missing,
  /// as after a restart of the server. `started` tells whether the server agreed; without it, or
  /// after a refusal, no event comes.
  WatchId watch(std::function<void(const WorkerEvent&)> on_event, Callback<Done> started);

  /// No event of this watch comes after this returns on the loop's thread; from another thread one
  /// may still be running.
  void unwatch(WatchId watch);

  // ---- Durable jobs ---------------------------------------------------------------------------

  /// One or many, all or none; the answer says they are safe. Once it was sent it is asked for
  /// until its deadline, on as many connections as that takes: the request id makes repeating it
  /// harmless.
  void submit(SubmitRequest request, Callback<SubmitResult> done, Milliseconds timeout = {});

  void list_jobs(JobFilter filter, Callback<JobPage> done, Milliseconds timeout = {});
  void show_job(JobId job, Callback<JobDetails> done, Milliseconds timeout = {});
  void explain_job(JobId job, Callback<JobExplanation> done, Milliseconds timeout = {});
  void abort_jobs(AbortRequest request, Callback<JobsChanged> done, Milliseconds timeout = {});

  /// The last plans for jobs, and one of them job by job.
  void list_plans(PlansRequest request, Callback<PlanPage> done, Milliseconds timeout = {});
  void show_plan(PlanRequest request, Callback<PlanDetails> done, Milliseconds timeout = {});

  /// Starts what FAILED or was ABORTED again, with all attempts before it. Never sent twice.
  void retry_jobs(
      std::vector<JobRange> jobs, Callback<JobsChanged> done, Milliseconds timeout = {});

  /// Answers when all have ended. Survives lost connections once a server has answered; `timed_out`
  /// when the wait's own timeout passes.
  void wait_jobs(WaitRequest request, Callback<JobCounts> done);

  /// `on_event` gets what happens to jobs. After a reconnect it goes on where it was; an event with
  /// `gap` set says that some are lost. End it with `unwatch`.
  WatchId watch_jobs(
      JobWatchRequest request,
      std::function<void(const JobEvent&)> on_event,
      Callback<Done> started);

  /// The same for what happens to anything: jobs, workers, plans, the server. What was said of
  /// workers and plans before a server started is gone with it; its `Started` says where.
  WatchId watch_events(
      EventWatchRequest request,
      std::function<void(const Event&)> on_event,
      Callback<Done> started);

  /// One piece.
  void read_log(LogRequest request, Callback<LogChunk> done, Milliseconds timeout = {});

  /// Piece after piece from `offset` until the attempt has ended. With attempt 0 it waits for one
  /// to start, and stays with it. Survives lost connections; `checksum` when what was read is not
  /// what the worker kept. `on_chunk` says whether to go on; a no ends it with what was read.
  void follow_log(
      LogRequest request, std::function<bool(const LogChunk&)> on_chunk, Callback<LogEnd> done);

  /// Copies the store, while it goes on, to a file of the server's machine.
  void back_up(std::string path, Callback<Done> done, Milliseconds timeout = {});

  // The same with futures. Do not wait for one on the loop's thread: its answer comes there.
  std::future<Result<Placement>> place(PlaceRequest request);
  std::future<Result<Released>> release(ReleaseRequest request);
  std::future<Result<HeartbeatAnswer>> heartbeat(Heartbeat beat);
  std::future<Result<WorkerPage>> list_workers(ListRequest request);
  std::future<Result<SubmitResult>> submit(SubmitRequest request);
  std::future<Result<JobPage>> list_jobs(JobFilter filter);
  std::future<Result<JobDetails>> show_job(JobId job);
  std::future<Result<JobsChanged>> abort_jobs(AbortRequest request);
  std::future<Result<JobCounts>> wait_jobs(WaitRequest request);

  /// True on the thread that runs the callbacks.
  bool on_loop_thread() const;

  class Impl;  ///< inside the library

 private:
  explicit Client(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// The same, waiting for every answer. Every call ends by its deadline.
///
/// Threads  any but the loop's own, where a call answers `bad_argument` instead of waiting for
///          itself for ever
class BERTH_API BlockingClient {
 public:
  static Result<std::unique_ptr<BlockingClient>> create(Options options);
  explicit BlockingClient(std::unique_ptr<Client> client) : client_(std::move(client)) {}

  Result<Placement> place(PlaceRequest request, Milliseconds timeout = {});

  /// `try_start` runs on the calling thread.
  Result<Placement> place_until_accepted(
      PlaceRequest request,
      const std::function<bool(const Placement&)>& try_start,
      Milliseconds timeout = {});

  Result<Released> release(ReleaseRequest request, Milliseconds timeout = {});
  Result<HeartbeatAnswer> heartbeat(Heartbeat beat, Milliseconds timeout = {});
  Result<WorkerPage> list_workers(ListRequest request, Milliseconds timeout = {});
  Result<Worker> show_worker(std::string worker, Milliseconds timeout = {});
  Result<Done> set_worker(
      std::string worker, WorkerAction action, std::string reason, Milliseconds timeout = {});
  Result<std::vector<Stat>> stats(Milliseconds timeout = {});
  Result<std::vector<TagCount>> tags(Milliseconds timeout = {});
  Result<std::chrono::nanoseconds> ping(Milliseconds timeout = {});
  Result<ServerInfo> server(Milliseconds timeout = {});

  Result<SubmitResult> submit(SubmitRequest request, Milliseconds timeout = {});
  Result<JobPage> list_jobs(JobFilter filter, Milliseconds timeout = {});
  Result<JobDetails> show_job(JobId job, Milliseconds timeout = {});
  Result<JobExplanation> explain_job(JobId job, Milliseconds timeout = {});
  Result<PlanPage> list_plans(PlansRequest request, Milliseconds timeout = {});
  Result<PlanDetails> show_plan(PlanRequest request, Milliseconds timeout = {});
  Result<JobsChanged> abort_jobs(AbortRequest request, Milliseconds timeout = {});
  Result<JobsChanged> retry_jobs(std::vector<JobRange> jobs, Milliseconds timeout = {});
  /// `on_progress` runs on the loop's thread.
  Result<JobCounts> wait_jobs(WaitRequest request);
  Result<LogChunk> read_log(LogRequest request, Milliseconds timeout = {});
  /// `on_chunk` runs on the loop's thread.
  Result<LogEnd> follow_log(LogRequest request, std::function<bool(const LogChunk&)> on_chunk);
  Result<Done> back_up(std::string path, Milliseconds timeout = {});

  Client& async() { return *client_; }

 private:
  std::unique_ptr<Client> client_;
};

}  // namespace berth::client
