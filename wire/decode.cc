#include "wire/decode.h"

#include <utility>

#include "berth_generated.h"

#include "wire/decode_job_parts.h"
#include "wire/decode_parts.h"
#include "wire/decode_plan_parts.h"
#include "wire/frame.h"

namespace berth::wire {
namespace {

constexpr uint32_t kDepthMax = 16;

// Tables that a message of each kind may have, without its envelope. Kinds with lists have room
// well beyond the limits of core, which can then say in words what is too long.
constexpr uint32_t kOneTable = 1;
constexpr uint32_t kTwoTables = 2;
constexpr uint32_t kShortLists = 4'096;
constexpr uint32_t kBatches = 32'768;
constexpr uint32_t kPages = 131'072;

/// The envelope, checked by itself so that the kind is known before the message is verified.
struct Opened {
  DecodeStatus status = DecodeStatus::Unverifiable;
  fb::Body kind = fb::Body::NONE;
  const void* body = nullptr;
};

flatbuffers::Verifier make_verifier(
    std::span<const std::byte> payload, uint32_t depth_max, uint32_t tables_max) {
  flatbuffers::Verifier::Options options;
  options.max_depth = depth_max;
  options.max_tables = tables_max;
  const auto* bytes = reinterpret_cast<const uint8_t*>(payload.data());
  return flatbuffers::Verifier(bytes, payload.size(), options);
}

Opened open(std::span<const std::byte> payload) {
  // The verifier sees offsets, not addresses: in a misaligned buffer everything would pass.
  if (reinterpret_cast<uintptr_t>(payload.data()) % kFrameAlignment != 0) return {};
  if (payload.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) return {};

  flatbuffers::Verifier verifier = make_verifier(payload, kDepthMax, 1);
  const flatbuffers::uoffset_t root = verifier.VerifyOffset(0);
  if (root == 0) return {};
  const auto& envelope = *reinterpret_cast<const flatbuffers::Table*>(payload.data() + root);
  if (!envelope.VerifyTableStart(verifier) ||
      !envelope.VerifyField<uint8_t>(verifier, fb::Envelope::VT_BODY_TYPE, 1) ||
      !envelope.VerifyOffset(verifier, fb::Envelope::VT_BODY)) {
    return {};
  }

  const auto kind =
      static_cast<fb::Body>(envelope.GetField<uint8_t>(fb::Envelope::VT_BODY_TYPE, 0));
  const auto* body = envelope.GetPointer<const void*>(fb::Envelope::VT_BODY);
  if (kind == fb::Body::NONE || kind > fb::Body::MAX || body == nullptr) {
    return {DecodeStatus::UnknownKind};
  }
  return {DecodeStatus::Ok, kind, body};
}

/// FlatBuffers' verification of one table and all below it, as one function: most of its steps are
/// two instructions, and calling each would cost more than they do.
template <typename Table>
[[gnu::flatten, gnu::noinline]] bool verifies(
    std::span<const std::byte> payload, const Table& table, uint32_t tables_max) {
  flatbuffers::Verifier verifier = make_verifier(payload, kDepthMax - 1, tables_max);
  return table.Verify(verifier);
}

/// One payload on its way to becoming one alternative of `Variant`.
template <typename Variant>
struct Decoding {
  std::span<const std::byte> payload;
  const void* body = nullptr;
  Reader& reader;
  Variant& message;

  template <typename Table, typename Message>
  DecodeStatus as(uint32_t tables_max) const {
    const auto& table = *static_cast<const Table*>(body);
    if (!verifies(payload, table, tables_max)) [[unlikely]]
      return DecodeStatus::Unverifiable;
    reader.start(payload.size());
    read(table, reader, message.template emplace<Message>());
    return reader.status();
  }
};

DecodeStatus decode_kind(fb::Body kind, const Decoding<Request>& in) {
  switch (kind) {
    case fb::Body::Place: return in.as<fb::Place, Place>(kShortLists);
    case fb::Body::Heartbeat: return in.as<fb::Heartbeat, Heartbeat>(kShortLists);
    case fb::Body::Release: return in.as<fb::Release, Release>(kOneTable);
    case fb::Body::Ping: return in.as<fb::Ping, Ping>(kOneTable);
    case fb::Body::Hello: return in.as<fb::Hello, Hello>(kOneTable);
    case fb::Body::ListWorkers: return in.as<fb::ListWorkers, ListWorkers>(kOneTable);
    case fb::Body::ShowWorker: return in.as<fb::ShowWorker, ShowWorker>(kOneTable);
    case fb::Body::SetWorker: return in.as<fb::SetWorker, SetWorker>(kOneTable);
    case fb::Body::GetStats: return in.as<fb::GetStats, GetStats>(kOneTable);
    case fb::Body::ListTags: return in.as<fb::ListTags, ListTags>(kOneTable);
    case fb::Body::Watch: return in.as<fb::Watch, Watch>(kOneTable);
    case fb::Body::SubmitJobs: return in.as<fb::SubmitJobs, SubmitJobs>(kBatches);
    case fb::Body::ListJobs: return in.as<fb::ListJobs, ListJobs>(kTwoTables);
    case fb::Body::ShowJob: return in.as<fb::ShowJob, ShowJob>(kOneTable);
    case fb::Body::ExplainJob: return in.as<fb::ExplainJob, ExplainJob>(kOneTable);
    case fb::Body::ChangeJobs: return in.as<fb::ChangeJobs, ChangeJobs>(kOneTable);
    case fb::Body::WaitJobs: return in.as<fb::WaitJobs, WaitJobs>(kOneTable);
    case fb::Body::WatchJobs: return in.as<fb::WatchJobs, WatchJobs>(kOneTable);
    case fb::Body::ReadLog: return in.as<fb::ReadLog, ReadLog>(kOneTable);
    case fb::Body::BackUp: return in.as<fb::BackUp, BackUp>(kOneTable);
    case fb::Body::AttachWorker: return in.as<fb::AttachWorker, AttachWorker>(kOneTable);
    case fb::Body::NextJobs: return in.as<fb::NextJobs, NextJobs>(kOneTable);
    case fb::Body::Report: return in.as<fb::Report, Report>(kBatches);
    case fb::Body::LogPiece: return in.as<fb::LogPiece, LogPiece>(kTwoTables);
    case fb::Body::ListPlans: return in.as<fb::ListPlans, ListPlans>(kOneTable);
    case fb::Body::GetPlan: return in.as<fb::GetPlan, GetPlan>(kOneTable);
    default: return DecodeStatus::WrongDirection;
  }
}

DecodeStatus decode_kind(fb::Body kind, const Decoding<Reply>& in) {
  switch (kind) {
    case fb::Body::Placed: return in.as<fb::Placed, Placed>(kShortLists);
    case fb::Body::HeartbeatReply: return in.as<fb::HeartbeatReply, HeartbeatReply>(kOneTable);
    case fb::Body::Released: return in.as<fb::Released, Released>(kOneTable);
    case fb::Body::Pong: return in.as<fb::Pong, Pong>(kOneTable);
    case fb::Body::Unplaced: return in.as<fb::Unplaced, Unplaced>(kShortLists);
    case fb::Body::Refused: return in.as<fb::Refused, Refused>(kOneTable);
    case fb::Body::Welcome: return in.as<fb::Welcome, Welcome>(kOneTable);
    case fb::Body::WorkerPage: return in.as<fb::WorkerPage, WorkerPage>(kPages);
    case fb::Body::Done: return in.as<fb::Done, Done>(kOneTable);
    case fb::Body::StatsReply: return in.as<fb::StatsReply, StatsReply>(kPages);
    case fb::Body::TagPage: return in.as<fb::TagPage, TagPage>(kPages);
    case fb::Body::WorkerEvent: return in.as<fb::WorkerEvent, WorkerEvent>(kOneTable);
    case fb::Body::JobsSubmitted: return in.as<fb::JobsSubmitted, JobsSubmitted>(kPages);
    case fb::Body::JobPage: return in.as<fb::JobPage, JobPage>(kPages);
    case fb::Body::JobDetails: return in.as<fb::JobDetails, JobDetails>(kPages);
    case fb::Body::JobExplanation: return in.as<fb::JobExplanation, JobExplanation>(kShortLists);
    case fb::Body::JobsChanged: return in.as<fb::JobsChanged, JobsChanged>(kOneTable);
    case fb::Body::JobCounts: return in.as<fb::JobCounts, JobCounts>(kOneTable);
    case fb::Body::JobEvents: return in.as<fb::JobEvents, JobEvents>(kPages);
    case fb::Body::LogChunk: return in.as<fb::LogChunk, LogChunk>(kOneTable);
    case fb::Body::Attached: return in.as<fb::Attached, Attached>(kOneTable);
    case fb::Body::Assignments: return in.as<fb::Assignments, Assignments>(kBatches);
    case fb::Body::Reported: return in.as<fb::Reported, Reported>(kOneTable);
    case fb::Body::StopTasks: return in.as<fb::StopTasks, StopTasks>(kBatches);
    case fb::Body::WantLog: return in.as<fb::WantLog, WantLog>(kOneTable);
    case fb::Body::PlanPage: return in.as<fb::PlanPage, PlanPage>(kPages);
    case fb::Body::PlanDetails: return in.as<fb::PlanDetails, PlanDetails>(kPages);
    default: return DecodeStatus::WrongDirection;
  }
}

template <typename Variant>
DecodeStatus decode_any(std::span<const std::byte> payload, Reader& reader, Variant& message) {
  const Opened opened = open(payload);
  if (opened.status != DecodeStatus::Ok) return opened.status;
  return decode_kind(opened.kind, Decoding<Variant>{payload, opened.body, reader, message});
}

}  // namespace

struct Decoder::Scratch {
  Reader reader;
};

Decoder::Decoder() : scratch_(std::make_unique<Scratch>()) {}
Decoder::~Decoder() = default;

DecodeStatus Decoder::decode(std::span<const std::byte> payload, Request& request) {
  return decode_any(payload, scratch_->reader, request);
}

DecodeStatus Decoder::decode(std::span<const std::byte> payload, Reply& reply) {
  return decode_any(payload, scratch_->reader, reply);
}

}  // namespace berth::wire
