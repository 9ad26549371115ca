#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/jobs/records.h"
#include "tests/sim/sim_store.h"
#include "wire/job_messages.h"

namespace berth::sim {

/// What the simulation makes of one lease: when it began and ended, in turns of the server.
struct Lease {
  uint64_t begun = 0;
  uint64_t ended = 0;  ///< 0: it lives
  wire::JobState how = wire::JobState::Assigned;
  bool accepted = false;
  bool of_this_life = false;  ///< of the server; else it was read back
  std::string worker;
  std::vector<uint16_t> gpus;
};

/// One job as told by its events and rows, each element of an array on its own.
struct JobModel {
  uint64_t array = 0;
  wire::JobState state = wire::JobState::Pending;
  uint64_t epoch = 0;     ///< of the current lease; 0: none
  bool accepted = false;  ///< the current lease, by its worker
  uint32_t attempts = 0;  ///< accepted since it was submitted or retried, not checkpointed
  uint64_t revived = 0;   ///< in which turn somebody asked for it again
  std::map<uint64_t, Lease> leases;

  // Of its spec.
  uint32_t attempts_max = 1;
  bool checkpointable = false;
  bool impossible = false;  ///< asks for a tag that nobody has
  int64_t slots = 0;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t gpu_milli = 0;
  std::vector<uint64_t> depends_on;

  void read_spec(std::span<const std::byte> bytes);
};

bool is_over(wire::JobState state);
/// An edge of the state machine, as DESIGN draws it.
bool is_legal(wire::JobState from, wire::JobState to);

/// The jobs of one server: what its groups have said since it started, after what its disk said.
class JobModels {
 public:
  /// Everything is forgotten but what is on the disk.
  void rebuild(const SimDisk& disk);

  JobModel* find(uint64_t job);
  std::map<uint64_t, JobModel>& all() { return jobs_; }

  /// The jobs that are new in a group, and their specs.
  void add(const core::StoreBatch& group);
  /// The whole record.
  void drop(uint64_t job);
  /// Empty, or what is wrong with it.
  std::string apply(const wire::JobEvent& event, uint64_t turn);
  std::string apply(const core::AttemptRecord& attempt, uint64_t turn);
  std::string check_row(uint64_t job, const core::JobProgress& progress, uint64_t turn);
  std::string assign(const wire::Assignment& assignment, const std::string& worker, uint64_t turn);
  /// Everything the disk has is what the groups said: when nothing is on its way to it.
  std::string check_disk(const SimDisk& disk);

  uint64_t last_epoch = 0;  ///< over all lives
  uint64_t lost = 0;        ///< leases that ended so
  uint64_t completed = 0;
  uint64_t checkpointed = 0;

 private:
  std::string apply(const wire::JobEvent& event, uint64_t id, uint64_t turn);
  std::string accept(uint64_t id, uint64_t epoch, uint64_t turn);
  std::string check_start(uint64_t id, const JobModel& job);
  bool has_completed(uint64_t on);

  std::map<uint64_t, JobModel> jobs_;
  std::map<uint64_t, uint32_t> records_;  ///< their first job, and how many they hold
  std::map<uint64_t, std::vector<std::byte>> array_specs_;
};

}  // namespace berth::sim
