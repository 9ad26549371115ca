#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/effects.h"
#include "core/jobs/records.h"
#include "core/plan/job_plan.h"
#include "core/plan/plan.h"
#include "wire/encode.h"
#include "wire/ids.h"

namespace berth::net {

// ---- What threads say to each other, each kind in batches of one loop turn ------------------

/// Frames for the shard that owns the worker they name; records of request payloads.
struct RequestBatch {
  std::vector<std::byte> records;
};

/// Answers for connections of the receiver; records of whole encoded frames.
struct ReplyBatch {
  std::vector<std::byte> records;
  bool from_ledger = false;  ///< to requests that were sent there; request 0: it was not asked for
};

/// For the ledger: first the requests about jobs, records of request payloads; then the events.
struct LedgerBatch {
  std::vector<std::byte> requests;
  std::vector<core::LedgerEvent> events;
};

/// Of workers that the receiver owns.
struct CooldownBatch {
  std::vector<core::Cooldown> cooldowns;
};

struct PlanJob {
  std::unique_ptr<const core::Snapshot> snapshot;
};

struct PlanDone {
  core::Plan plan;
};

/// The same for durable jobs.
struct PlanJobs {
  std::unique_ptr<const core::JobSnapshot> snapshot;
};

struct JobsPlanned {
  core::JobPlan plan;
};

/// For the store, to be made durable.
struct CommitGroup {
  core::StoreBatch group;
};

/// From the store: this group and all before it are safe.
struct GroupsDurable {
  uint64_t sequence = 0;
};

/// For the store: copy yourself to a file of this machine that does not exist yet.
struct BackUpStore {
  wire::ConnectionId connection;
  wire::RequestId request;
  std::string path;
};

/// From the store: how that went.
struct BackUpDone {
  wire::ConnectionId connection;
  wire::RequestId request;
  std::string path;
  uint64_t bytes = 0;   ///< size of the copy
  std::string problem;  ///< empty: it is there, and synced
  bool exists = false;  ///< the problem is that something else is there
};

/// Take nothing new, answer what is in flight, then leave the loop.
struct Drain {};

/// Leave the loop now.
struct Stop {};

using Letter = std::variant<
    RequestBatch,
    ReplyBatch,
    LedgerBatch,
    CooldownBatch,
    PlanJob,
    PlanDone,
    PlanJobs,
    JobsPlanned,
    CommitGroup,
    GroupsDurable,
    BackUpStore,
    BackUpDone,
    Drain,
    Stop>;

// ---- Records: what a batch of bytes is made of ----------------------------------------------

/// In front of each payload or frame; 16 bytes, so that what follows stays 8-byte aligned.
struct RecordHeader {
  wire::ConnectionId connection;
  wire::RequestId request;
  uint32_t bytes = 0;  ///< of what follows; a multiple of 8
};
static_assert(sizeof(RecordHeader) == 16);

inline void append_bytes(std::vector<std::byte>& out, const void* data, size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(data);
  out.insert(out.end(), begin, begin + bytes);
}

inline void append_record(
    std::vector<std::byte>& out,
    wire::ConnectionId connection,
    wire::RequestId request,
    std::span<const std::byte> payload) {
  const RecordHeader header = {connection, request, static_cast<uint32_t>(payload.size())};
  append_bytes(out, &header, sizeof header);
  append_bytes(out, payload.data(), payload.size());
}

/// Encodes `reply` straight into the batch.
inline void append_reply_record(
    std::vector<std::byte>& out,
    wire::Encoder& encoder,
    wire::ConnectionId connection,
    wire::RequestId request,
    const wire::Reply& reply) {
  const size_t at = out.size();
  RecordHeader header = {connection, request, 0};
  append_bytes(out, &header, sizeof header);
  encoder.encode(request, reply, out);
  header.bytes = static_cast<uint32_t>(out.size() - at - sizeof header);
  std::memcpy(out.data() + at, &header, sizeof header);
}

/// Calls `visit(connection, request, bytes)` for each record.
template <typename Visit>
void for_each_record(std::span<const std::byte> records, Visit&& visit) {
  while (!records.empty()) {
    RecordHeader header;
    std::memcpy(&header, records.data(), sizeof header);
    visit(header.connection, header.request, records.subspan(sizeof header, header.bytes));
    records = records.subspan(sizeof header + header.bytes);
  }
}

}  // namespace berth::net
