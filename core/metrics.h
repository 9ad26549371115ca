#pragma once

#include "core/base/time.h"
#include "core/tables/metric_names.h"
#include "core/tables/tables.h"

namespace berth::core {

/// Is told every number of the server.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  /// What follows, until the next one, are its numbers.
  virtual void family(const MetricFamily& family) = 0;
  virtual void number(const MetricLabels& labels, double value) = 0;
  virtual void histogram(const MetricLabels& labels, const HistogramSum& values) = 0;
};

/// Walks over everything that is counted and measured, each family once: what `berth stats` and
/// `/metrics` both show.
///
/// Threads  any; what is read is whole, but not of one instant
void visit_metrics(const Tables& tables, Now now, MetricSink& sink);

}  // namespace berth::core
