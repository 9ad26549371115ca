#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/jobs/records.h"
#include "net/store/bulk_insert.h"
#include "net/store/spec_book.h"
#include "net/store/sqlite_handle.h"
#include "wire/spec.h"

namespace berth::net {

/// Batches to rows, inside a transaction that the caller has begun.
///
/// A job that changes in several of the batches is written once, with its last progress: what is
/// merged into one transaction can never be seen half.
///
/// Threads  as the database
/// Memory   scratch, reused
/// Errors   false, and the database says why
class RowWriter {
 public:
  /// How many events are kept, the youngest, those counted that have no row.
  static constexpr int64_t kEventsKept = 200'000;

  explicit RowWriter(SpecBook& specs) : specs_(specs) {}

  bool prepare(Database& database);
  void finalize();

  /// Oldest first.
  bool write(std::span<const core::StoreBatch> batches);

 private:
  using Last = absl::flat_hash_map<uint64_t, size_t>;

  bool write_batch(const core::StoreBatch& batch, size_t number);
  bool shrink(std::span<const core::ArrayRest> rests);
  bool shrink(const core::ArrayRest& rest);
  bool keep_spec(const core::JobRecord& of_array);
  bool insert(std::span<const core::JobRecord> jobs);
  /// Just submitted, no element of an array, and not changed in this transaction: nearly all.
  bool is_simple(const core::JobRecord& job) const;
  void bind_fresh(Statement& to, int at, const core::JobRecord& job, size_t number);
  bool insert(core::JobRecord job);
  /// What the job has become later in this transaction, if it may be written with its insert.
  void catch_up(core::JobRecord& job);
  bool insert_row(const core::JobRecord& job, std::span<const std::byte> spec, bool apart);
  /// To `spec_`.
  void decode_spec(std::span<const std::byte> bytes);
  void bind_progress(Statement& to, int at, const core::JobProgress& progress);
  bool change(const core::JobChange& change);
  bool write(std::span<const core::AttemptRecord> attempts, size_t batch);
  bool write(const core::SubmitRecord& submit);
  bool write(const core::WorkerRecord& worker);
  bool write(const core::ExperienceRecord& record);
  bool write(std::span<const wire::JobEvent> events);
  bool forget_old_events(int64_t newest);
  bool drop(std::span<const wire::JobId> jobs);
  bool drop_submit(std::string_view request);

  void find_last(std::span<const core::StoreBatch> batches);

  Database* database_ = nullptr;
  SpecBook& specs_;
  wire::SpecDecoder decoder_;
  wire::JobSpec spec_;
  wire::JobId decoded_;                   // whose spec `spec_` is, when that stands apart
  std::vector<uint64_t> words_;           // a spec that came unaligned
  std::vector<core::ArrayRest> pending_;  // rests of rows that this batch has yet to insert
  Last last_change_;                      // by job: the last batch that changes it
  Last last_attempt_;                     // by epoch
  absl::flat_hash_map<uint64_t, const core::JobProgress*> latest_;  // by job: after that batch
  std::vector<wire::JobId> dropped_;                                // in order
  // Of one batch, what its bulk inserts are about.
  std::vector<const core::JobRecord*> fresh_;
  std::vector<const core::AttemptRecord*> ended_;
  std::vector<const wire::JobEvent*> told_;
  std::array<std::string, BulkInsert::kRowsMax> texts_;  // of the rows of one statement
  std::string labels_;
  std::string gpus_;
  std::string list_;

  Statement insert_;
  BulkInsert insert_pending_;
  Statement change_;
  Statement accepted_;
  Statement completed_;
  Statement move_;
  Statement drop_job_;
  Statement drop_attempts_;
  BulkInsert attempts_;
  Statement submit_;
  Statement oldest_submit_;
  Statement drop_submit_;
  Statement find_submit_;
  Statement worker_;
  Statement experience_;
  BulkInsert events_;
  Statement forget_events_;
};

}  // namespace berth::net
