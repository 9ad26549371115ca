#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/base/text_map.h"
#include "core/base/time.h"
#include "core/jobs/dispatch_queue.h"
#include "core/jobs/job.h"
#include "core/tables/tables.h"
#include "wire/spec.h"

namespace berth::core {

/// Reads specs, and keeps what all jobs of a class have in common: the compiled query, and whether
/// there is a worker that could ever run them.
///
/// Threads  one owner
/// Memory   about 500 bytes a class; `kVerdictsKept` verdicts
class JobClasses {
 public:
  explicit JobClasses(const Tables& tables) : tables_(tables) {}

  /// Valid until the next `read`. The bytes were checked when they came; those of a store that
  /// went bad are a CHECK.
  const wire::JobSpec& read(std::span<const std::byte> spec);
  /// The same with a decoder of its own, for those who look at one job while handling another.
  const wire::JobSpec& read_other(std::span<const std::byte> spec);

  /// The caller adds a job to it.
  JobClass class_of(DispatchQueue& queue, const wire::JobSpec& spec);

  /// What places the jobs of this class, of which `job` is one. Compiled anew when there are names
  /// that were not there before: somebody may have advertised one of its tags.
  const Query& query(JobClass like, const Job& job);

  /// The same for a job of no class, compiled now.
  Query query_of(const wire::JobSpec& spec);

  /// Whether no worker, had it nothing else to do, could run this. Looked up again when workers
  /// changed, at most once a second for a class.
  bool unsatisfiable(Now now, const wire::JobSpec& spec);
  wire::Explanation explain_unsatisfiable(const wire::JobSpec& spec, Arena& text);
  wire::Explanation explain(const wire::JobSpec& spec, Arena& text);
  /// The same; while `looks` is 0 without a look, as it was found last. Each look takes one.
  bool unsatisfiable(Now now, const wire::JobSpec& spec, uint32_t& looks);
  /// The same for a class, of which `job` is one, without reading its spec unless there is a look.
  /// False as well where a look is due and `looks` is 0.
  bool unsatisfiable(Now now, JobClass like, const Job& job, uint32_t& looks);

  /// A worker came, or one went for good.
  void workers_changed(bool one_less) { ++(one_less ? fewer_ : more_); }

 private:
  static constexpr size_t kVerdictsKept = 4'096;

  struct Class {
    std::string key;
    Query query;
    uint32_t names = 0;  ///< how many there were when it was compiled; 0: it was not
  };
  struct Verdict {
    bool unsatisfiable = false;
    uint64_t version = 0;  ///< of `more_` or of `fewer_`
    Instant at;
  };

  bool compile(const wire::JobSpec& spec, wire::Place& place, Query& query);
  bool holds(Now now, const Verdict& verdict) const;
  bool look(Now now, std::string_view key, const wire::JobSpec& spec);

  const Tables& tables_;
  wire::SpecDecoder decoder_;
  wire::JobSpec spec_;
  wire::SpecDecoder other_decoder_;
  wire::JobSpec other_spec_;
  std::string key_;
  std::vector<Class> classes_;
  TextMap<Verdict> verdicts_;
  Query query_;
  Arena scratch_;
  uint64_t more_ = 1;
  uint64_t fewer_ = 1;
};

}  // namespace berth::core
