#include "loadgen/report.h"

#include <array>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace berth::loadgen {
namespace {

using Json = nlohmann::ordered_json;
using Parts = std::vector<std::pair<std::string, double>>;

Parts quantiles(const Histogram& latency) {
  constexpr std::array<std::pair<const char*, double>, 4> kAsked = {
      {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}}};
  Parts parts;
  for (auto [name, q] : kAsked) {
    parts.emplace_back(name, static_cast<double>(latency.quantile(q).ns) / 1e3);
  }
  parts.emplace_back("max", static_cast<double>(latency.max().ns) / 1e3);
  return parts;
}

double throughput(const Report& report) {
  return report.seconds > 0 ? static_cast<double>(report.latency.count()) / report.seconds : 0;
}

// Whole numbers without a point, others with three digits behind it.
Json number(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15) return static_cast<int64_t>(value);
  return std::round(value * 1000) / 1000;
}

Json object(const Parts& parts) {
  Json out = Json::object();
  for (const auto& [name, value] : parts)
    out[name] = number(value);
  return out;
}

// 1234567.8 → 1,234,568
std::string grouped(double value) {
  std::string digits = std::to_string(std::llround(value));
  for (int at = static_cast<int>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

std::string plain(double value) {
  if (value == std::floor(value)) return grouped(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", std::fabs(value) < 100 ? 2 : 1, value);
  return text;
}

std::string line(const std::string& name, const std::string& value) {
  std::string padded = "  " + name;
  padded.resize(std::max<size_t>(padded.size() + 2, 24), ' ');
  return padded + value + "\n";
}

std::string joined(const Parts& parts) {
  std::string text;
  for (const auto& [name, value] : parts) {
    text += (text.empty() ? "" : "  ") + name + " " + plain(value);
  }
  return text;
}

}  // namespace

void Report::add(const std::string& name, const Histogram& histogram) {
  extras.push_back({name, 0, quantiles(histogram)});
}

std::string to_json(const Report& report) {
  Json out;
  out["scenario"] = report.scenario;
  out["seconds"] = number(report.seconds);
  out["requests"] = report.requests;
  out["errors"] = report.errors;
  out["throughput_per_s"] = number(throughput(report));
  out["latency_us"] = object(quantiles(report.latency));
  out["server_cpu_s"] = number(report.server.cpu_s);
  out["server_rss_bytes"] = number(report.server.rss_bytes);
  for (const Report::Extra& extra : report.extras) {
    out[extra.name] = extra.parts.empty() ? number(extra.value) : object(extra.parts);
  }
  if (!report.first_error.empty()) out["first_error"] = report.first_error;
  // A server's text may be anything; what is not UTF-8 is replaced, never thrown over.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const Report& report) {
  std::string requests = grouped(static_cast<double>(report.requests));
  requests.append(" in ").append(plain(report.seconds)).append(" s");
  std::string errors = grouped(static_cast<double>(report.errors));
  if (!report.first_error.empty()) errors.append(", first: ").append(report.first_error);
  std::string server = plain(report.server.cpu_s);
  server.append(" s of CPU, ").append(plain(report.server.rss_bytes / 1e6)).append(" MB resident");

  std::string text = report.scenario;
  text.append(": ").append(report.setting).append("\n");
  text += line("requests", requests);
  text += line("errors", errors);
  text += line("throughput, 1/s", grouped(throughput(report)));
  text += line("latency, µs", " " + joined(quantiles(report.latency)));
  text += line("server", server);
  for (const Report::Extra& extra : report.extras) {
    text += line(extra.name, extra.parts.empty() ? plain(extra.value) : joined(extra.parts));
  }
  return text;
}

}  // namespace berth::loadgen
