#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/job_ledger.h"
#include "core/tables/partition.h"
#include "core/tables/tables.h"
#include "tests/core/jobs/store_model.h"
#include "tests/core/support/workers.h"
#include "wire/spec.h"

namespace berth::core {

/// A job as a test describes it.
struct TestJob {
  std::string_view name = "job";
  int32_t priority = 0;
  uint32_t attempts_max = 1;
  int64_t slots = 1;
  uint32_t timeout_ms = 0;
  uint32_t estimated_ms = 0;
  uint32_t deadline_in_ms = 0;
  uint32_t scheduled_in_ms = 0;
  std::vector<std::string_view> tags = {};
  std::vector<uint64_t> depends_on = {};
  std::vector<uint32_t> depends_on_items = {};
  uint32_t array = 0;  ///< elements
  uint32_t retry_base_ms = 1'000;
  uint32_t retry_cap_ms = 300'000;
  int64_t memory_mib = 0;
  uint32_t gpus = 0;
  uint32_t gpu_milli = 1'000;  ///< of each
};

/// What one turn said, with its own memory where tests look at it.
struct Told {
  uint64_t connection;
  uint32_t request;
  std::string line;
};

/// The ledger of jobs with one shard's workers and a store that becomes durable on command. Every
/// message is a line; connection N of a worker named wN.
class JobWorld {
 public:
  explicit JobWorld(JobSettings settings = {}, uint64_t seed = 1);

  // Workers. `attach` is their session; running: what they say they hold.
  void worker(std::string_view id, int64_t slots = 4, std::vector<std::string> tags = {});
  void attach(
      std::string_view id,
      uint64_t connection,
      std::vector<wire::AssignmentId> running = {},
      bool pull = false,
      uint64_t nonce = 0,
      uint64_t life = 1);
  void report(
      uint64_t connection,
      std::string_view id,
      wire::ReportKind kind,
      wire::AssignmentId assignment,
      wire::ErrorClass error = wire::ErrorClass::None);

  /// A request of a client, answered under `request`.
  void ask(uint64_t connection, const wire::Request& request);
  void submit(
      uint64_t connection,
      const std::vector<TestJob>& jobs,
      std::string_view request = {},
      bool refuse_unsatisfiable = false);
  void close(uint64_t connection);
  void drain();
  void changed(std::string_view worker, wire::WorkerChange change);

  /// Ends the turn, and lets its group become durable unless `hold_durable`.
  void turn();
  bool part_of_turn();  ///< true: there is more
  void durable();       ///< all groups that were held
  void advance(int64_t ms);

  /// A plan for what waits now, made at once; nothing: nobody wants one.
  std::optional<JobPlan> make_plan(uint64_t steps = 100'000);

  /// Another server with another store, and nobody connected.
  void begin_anew(const JobSettings& chosen);
  /// The process dies; what was durable is read by a new one.
  void restart();

  /// What was said since the last call, as `cN: line`, sorted by nothing: in order.
  std::vector<std::string> said();
  /// Assignments that were handed out and seen, the last first.
  wire::AssignmentId last_assignment(uint64_t job) const;
  std::optional<wire::JobState> state_of(uint64_t job);
  std::vector<std::string> events();  ///< `jN STATE`, of all told to a watcher

  bool hold_durable = false;
  uint32_t next_request = 1;
  Now now{Instant{} + Duration::seconds(100), 1'000'000};
  Settings table_settings = small_settings();
  JobSettings settings;
  std::unique_ptr<Tables> tables;
  std::unique_ptr<Partition> owner;
  std::unique_ptr<JobLedger> ledger;
  StoreModel store;
  std::map<std::string, TestWorker> workers;
  std::set<std::string> silent;  ///< of these, those that do not beat
  std::vector<wire::AssignmentId> assigned;
  std::vector<wire::AssignmentId> stopped;
  std::vector<wire::JobEvent> watched;    ///< texts empty
  std::optional<wire::JobDetails> shown;  ///< texts are gone
  std::string shown_worker;
  wire::PlanRow last_plan;        ///< the oldest of the last page, without its texts
  std::vector<uint8_t> verdicts;  ///< of the last Reported or Attached
  std::optional<wire::JobCounts> counts;
  std::optional<wire::JobExplanation> explained;
  std::vector<wire::SubmittedJob> submitted;
  std::vector<wire::JobRow> page;

 private:
  void boot();
  void beat(TestWorker& worker);
  void note(Effects& effects);
  std::string line_of(const wire::Reply& reply);

  uint64_t seed_;
  Effects effects_;
  std::vector<StoreBatch> batches_;
  uint64_t durable_ = 0;
  std::vector<std::string> said_;
  wire::SpecEncoder encoder_;
};

}  // namespace berth::core
