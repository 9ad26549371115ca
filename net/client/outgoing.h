#pragma once

#include <cstddef>
#include <vector>

#include "net/client/job_types.h"
#include "net/client/types.h"
#include "wire/encode.h"
#include "wire/messages.h"
#include "wire/spec.h"

namespace berth::client {

/// Owned requests to frames: gathers the views the wire structs want, then encodes.
///
/// Threads  one for each thread: see `outgoing()`
/// Memory   scratch and builder are reused; nothing is allocated once they have grown
class Outgoing {
 public:
  /// Each replaces `frame` by one whole frame with request id 0; see `set_request_id`.
  void place(const PlaceRequest& request, std::vector<std::byte>& frame);
  void release(const ReleaseRequest& request, std::vector<std::byte>& frame);
  void heartbeat(const Heartbeat& beat, std::vector<std::byte>& frame);
  void list_workers(const ListRequest& request, std::vector<std::byte>& frame);
  void submit(const SubmitRequest& request, std::vector<std::byte>& frame);
  void list_jobs(const JobFilter& filter, std::vector<std::byte>& frame);
  void abort_jobs(const AbortRequest& request, std::vector<std::byte>& frame);
  void retry_jobs(const std::vector<JobRange>& jobs, std::vector<std::byte>& frame);
  void read_log(const LogRequest& request, std::vector<std::byte>& frame);
  void encode(const wire::Request& request, std::vector<std::byte>& frame);

  /// A job's own bytes, valid until the next call.
  std::span<const std::byte> spec(const JobSpec& job);

 private:
  wire::TextList texts(const std::vector<std::string>& from);
  std::span<const wire::Label> labels(const std::vector<Label>& from);
  std::span<const wire::NamedAmount> amounts(const std::vector<NamedAmount>& from);
  wire::Capacity capacity(const Capacity& from);
  wire::Demand demand(const Demand& from);
  void gather_groups(const std::vector<std::vector<std::string>>& from);
  void reset(size_t texts, size_t labels, size_t amounts);

  wire::Encoder encoder_;
  wire::SpecEncoder spec_encoder_;
  std::vector<std::byte> specs_;
  std::vector<wire::Text> texts_;
  std::vector<wire::TextList> groups_;
  std::vector<wire::Label> labels_;
  std::vector<wire::NamedAmount> amounts_;
};

/// The calling thread's own.
Outgoing& outgoing();

std::vector<wire::JobRange> wire_ranges(const std::vector<JobRange>& jobs);

/// What the wire can say of a length of time.
uint32_t to_wire_ms(Milliseconds duration);

/// Numbers a frame that is already encoded.
void set_request_id(std::vector<std::byte>& frame, wire::RequestId id);

}  // namespace berth::client
