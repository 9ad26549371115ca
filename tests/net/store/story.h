#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/jobs/records.h"
#include "net/store/sqlite_store.h"
#include "wire/spec.h"

namespace berth::net {

/// What a store gives back, a line for each record, so that a test compares the story.
class Story final : public core::StoreReader {
 public:
  void on_start(uint64_t floor) override {
    this->floor = floor;
    starts = floor >> core::kEpochCounterBits;
  }
  void on_job(const core::JobRecord& job) override;
  void on_attempt(const core::AttemptRecord& attempt) override;
  void on_submit(const core::SubmitRecord& submit) override;
  void on_worker(const core::WorkerRecord& worker) override;
  void on_event(const wire::JobEvent& event) override;
  void on_experience(const core::ExperienceRecord& record) override;

  uint64_t floor = 0;
  uint64_t starts = 0;
  std::vector<std::string> lines;
};

std::string describe(const core::JobRecord& job);
std::string describe(const core::AttemptRecord& attempt);

/// Encoded; of an array of `elements` when that is not 0.
std::vector<std::byte> make_spec(
    std::string_view name, uint32_t elements = 0, std::string_view stdin_text = {});

/// Opens, or says why not as a failure of the test.
void open_or_fail(SqliteStore& store);
void commit_or_fail(SqliteStore& store, const core::StoreBatch& batch);
/// All that it holds.
Story read_back(SqliteStore& store);

}  // namespace berth::net
