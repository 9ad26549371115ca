#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "loadgen/jobs/job_book.h"
#include "loadgen/templates.h"
#include "wire/encode.h"

namespace berth::loadgen {

/// One worker, on a connection of its own as Assignments name none: takes what it is given and runs
/// it in no time.
///
/// A lease is acked, started and ended, and each of these is said only when the server has
/// answered the one before. All that a turn of the loop has made ready goes in one Report. After a
/// lost connection the worker attaches with the leases it holds and says again what was not
/// answered.
///
/// Shape    pure: requests are appended to a connection's output, replies handed in
/// Memory   a slot for each lease, a list for each Report under way; nothing once these have grown
/// Errors   wrong answers are told in the book's tally; why the worker cannot go on is in
///          `problem()`
class JobWorker {
 public:
  static constexpr core::Duration kBusyWait = core::Duration::milliseconds(10);
  static constexpr size_t kReportItemsMax = 2'000;  ///< what fits a frame, failed ones too

  struct Options {
    std::string id;
    uint64_t life = 0;
    uint32_t slots = 1;
    std::string tag;  ///< that the run's jobs ask for
    double fail = 0;  ///< probability that an attempt fails; see `attempt_fails`
    uint64_t seed = 1;
  };

  JobWorker(const Options& options, wire::Encoder& encoder, JobBook& book);

  /// A new connection: registers, then attaches.
  void on_welcome(Bytes& out);
  void on_down() { attached_ = false; }
  /// Everything the server says, pushed messages too.
  void on_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply, Bytes& out);
  /// Appends what there is to report.
  void end_turn(core::Instant now, Bytes& out);
  /// Appends a routine heartbeat.
  void beat(Bytes& out);
  /// Appends the request to be forgotten.
  void dismiss(Bytes& out);

  bool attached() const { return attached_; }
  bool forgotten() const { return forgotten_; }
  /// Leases that are not known to have ended.
  uint32_t leases() const { return leases_; }
  const std::string& problem() const { return problem_; }

 private:
  // What is to be said of a lease next, or has been said and is not answered.
  enum class Stage : uint8_t { None, Accept, Start, End };
  struct Lease {
    wire::AssignmentId id;
    Stage stage = Stage::None;  // None: the slot is free
  };
  struct Said {
    uint32_t slot;
    wire::AssignmentId id;  // whatever has become of the slot meanwhile
    wire::ReportKind kind;
  };
  struct Sent {
    uint32_t id = 0;
    bool open = false;
    std::vector<Said> items;
  };

  // Ids of requests: Reports have the bit, the number of their list, and its uses.
  static constexpr uint32_t kBeatId = 1;
  static constexpr uint32_t kAttachId = 2;
  static constexpr uint32_t kForgetId = 3;
  static constexpr uint32_t kLogPieceId = 4;
  static constexpr uint32_t kReportBit = 1u << 30;
  static constexpr uint32_t kSentBits = 14;
  static constexpr uint32_t kUseMask = (kReportBit >> kSentBits) - 1;

  void beat_with(bool profile, Bytes& out);
  void on_beat_reply(const wire::HeartbeatReply& reply, Bytes& out);
  void attach(Bytes& out);
  void on_attached(const wire::Reply& reply);
  void on_assignments(std::span<const wire::Assignment> items);
  void on_report_reply(core::Instant now, wire::RequestId id, const wire::Reply& reply);
  void on_verdict(core::Instant now, const Said& said, wire::Verdict verdict);
  void advance(core::Instant now, const Said& said);
  void answer_log(const wire::WantLog& want, Bytes& out);
  void report(std::span<const uint32_t> slots, Bytes& out);
  Sent& new_sent(uint32_t& number);
  wire::ReportKind kind_of(const Lease& lease) const;
  void drop(uint32_t slot);
  void fail(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }

  Options options_;
  wire::Encoder& encoder_;
  JobBook& book_;
  std::vector<Lease> slots_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> ready_;  // slots with something to say
  std::vector<Sent> sent_;
  std::vector<uint32_t> sent_free_;
  std::vector<wire::ReportItem> items_;      // scratch
  std::vector<wire::AssignmentId> running_;  // named in the last AttachWorker, and their slots
  std::vector<uint32_t> running_slots_;
  core::Instant hold_until_;  // the server is busy
  uint64_t sequence_ = 0;
  uint32_t leases_ = 0;
  bool attaching_ = false;
  bool attached_ = false;
  bool forgotten_ = false;
  std::string problem_;
};

}  // namespace berth::loadgen
