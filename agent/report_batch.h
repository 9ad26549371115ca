#pragma once

#include <memory>
#include <span>
#include <vector>

#include "agent/held_tasks.h"
#include "core/base/time.h"
#include "wire/job_messages.h"

namespace berth::agent {

/// One Report on its way: what it says of which assignments.
///
/// Shape    kept within what one frame may have; a single task always fits
/// Memory   items and lists are its own; texts point into the tasks, which live until it is encoded
class ReportBatch {
 public:
  explicit ReportBatch(core::Instant due) : due_(due) {}

  bool has_room() const;
  /// What the task has unsaid, in the order in which it happened.
  void add(const HeldTask& task);

  void set_request(wire::RequestId request) { request_ = request; }
  wire::RequestId request() const { return request_; }
  core::Instant due() const { return due_; }  ///< unanswered then, it is lost
  std::span<const wire::ReportItem> items() const { return body_->items; }
  std::shared_ptr<const void> memory() const { return body_; }

 private:
  struct Body {
    std::vector<wire::ReportItem> items;
    std::vector<std::vector<wire::OutputFile>> outputs;
  };

  void add_end(const HeldTask& task);

  wire::RequestId request_;
  core::Instant due_;
  size_t bytes_ = 0;  ///< about
  std::shared_ptr<Body> body_ = std::make_shared<Body>();
};

}  // namespace berth::agent
