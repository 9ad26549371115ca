#include "net/api/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "core/metrics.h"

namespace berth::net {
namespace {

prometheus::MetricType type_of(core::MetricKind kind) {
  switch (kind) {
    case core::MetricKind::Counter: return prometheus::MetricType::Counter;
    case core::MetricKind::Gauge: return prometheus::MetricType::Gauge;
    case core::MetricKind::Histogram: break;
  }
  return prometheus::MetricType::Histogram;
}

const core::MeasureFamily& measure_of(std::string_view name) {
  size_t i = 0;
  while (core::family_of(static_cast<core::Measure>(i)).family.name != name)
    ++i;
  return core::family_of(static_cast<core::Measure>(i));
}

prometheus::ClientMetric::Histogram histogram_of(
    const core::MeasureFamily& measure, const core::HistogramSum& values) {
  prometheus::ClientMetric::Histogram out;
  out.sample_count = values.count();
  out.sample_sum = static_cast<double>(values.sum) * measure.unit;
  for (size_t cell = measure.first; cell <= measure.last; ++cell) {
    const double bound = std::ldexp(measure.unit, static_cast<int>(cell));
    out.bucket.push_back({values.up_to(cell), bound});
  }
  out.bucket.push_back({out.sample_count, std::numeric_limits<double>::infinity()});
  return out;
}

/// `visit_metrics`, as the serializer wants it.
class Families final : public core::MetricSink {
 public:
  explicit Families(const HttpCounts& http) : http_(http) {}

  void family(const core::MetricFamily& family) override {
    families.push_back({family.name, family.help, type_of(family.kind), {}});
    measure_ = family.kind == core::MetricKind::Histogram ? &measure_of(family.name) : nullptr;
    by_route_ = true;
    if (family.name == core::counter_name(core::Counter::HttpRequests)) return add_requests();
    const auto& http = core::family_of(core::Measure::HttpRequest).family;
    if (family.name == std::string_view(http.name)) return add_times();
    by_route_ = false;
  }
  void number(const core::MetricLabels& labels, double value) override {
    if (by_route_) return;
    prometheus::ClientMetric& metric = add(labels);
    metric.counter.value = value;
    metric.gauge.value = value;
  }
  void histogram(const core::MetricLabels& labels, const core::HistogramSum& values) override {
    if (!by_route_) add(labels).histogram = histogram_of(*measure_, values);
  }

  std::vector<prometheus::MetricFamily> families;

 private:
  prometheus::ClientMetric& add(const core::MetricLabels& labels) {
    prometheus::ClientMetric& metric = families.back().metric.emplace_back();
    for (const core::MetricLabel& label : labels)
      metric.label.push_back({std::string(label.name), std::string(label.value)});
    return metric;
  }

  static core::MetricLabels labels_of(const HttpCounts::Row& row) {
    if (row.route == nullptr) return {{"method", "any"}, {"route", "none"}};
    return {{"method", http_method_name(row.route->method)}, {"route", row.route->path}};
  }
  void add_requests() {
    constexpr std::array<std::string_view, HttpCounts::kClasses> kClassNames = {
        "1xx", "2xx", "3xx", "4xx", "5xx"};
    for (const HttpCounts::Row& row : http_.rows()) {
      for (size_t i = 0; i < row.by_class.size(); ++i) {
        if (row.by_class[i] == 0) continue;
        core::MetricLabels labels = labels_of(row);
        labels.push_back({"code", kClassNames[i]});
        add(labels).counter.value = static_cast<double>(row.by_class[i]);
      }
    }
  }
  void add_times() {
    for (const HttpCounts::Row& row : http_.rows())
      add(labels_of(row)).histogram = histogram_of(*measure_, row.took_ns);
  }

  const HttpCounts& http_;
  const core::MeasureFamily* measure_ = nullptr;
  bool by_route_ = false;  // the numbers of this family are of `http_`
};

}  // namespace

struct MetricsPage::Text {
  std::ostringstream out;
};

MetricsPage::MetricsPage(core::Tables& tables, const HttpCounts& http)
    : tables_(tables), http_(http), text_(std::make_unique<Text>()) {}

MetricsPage::~MetricsPage() = default;

std::string_view MetricsPage::render(core::Now now) {
  Families sink(http_);
  core::visit_metrics(tables_, now, sink);
  text_->out.str({});
  prometheus::TextSerializer().Serialize(text_->out, sink.families);
  return text_->out.view();
}

}  // namespace berth::net
