#include "net/console/console_render.h"

#include <cmath>
#include <cstdio>
#include <map>

#include "net/text/units.h"
#include "wire/tokens.h"

namespace berth::net {
namespace {

constexpr std::string_view kMultiEnd = ".\n";

std::string number(double value) {
  char text[32];
  const bool whole = std::abs(value) < 1e15 && value == std::floor(value);
  const int bytes = std::snprintf(text, sizeof text, whole ? "%.0f" : "%.4g", value);
  return {text, static_cast<size_t>(bytes)};
}

/// A word as it is; anything with blanks in quotes. Line ends and the like cannot break the form.
std::string word(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \t\"\\") == text.npos;
  std::string out = plain ? "" : "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return plain ? out : out + '"';
}

void append(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty() && out.back() != '\n' && out.back() != ' ') out += ' ';
  out += key;
  out += '=';
  out += value;
}

std::string join(wire::TextList list) {
  std::string out;
  for (const wire::Text text : list) {
    if (!out.empty()) out += ',';
    out += word(text);
  }
  return out;
}

std::string eliminated(const wire::Explanation& explanation) {
  std::string out;
  for (const wire::Elimination& e : explanation.eliminated) {
    if (!out.empty()) out += ", ";
    out += word(e.requirement) + " " + std::to_string(e.workers);
    if (e.asked == 0) continue;
    out += " (asked " + format_amount(e.requirement, e.asked) + ", largest " +
           format_amount(e.requirement, e.largest) + ")";
  }
  return out;
}

/// Whole seconds from one second on: people read this.
std::string milliseconds(uint32_t ms) {
  const uint32_t shown = ms < 1000 ? ms : (ms + 500) / 1000 * 1000;
  return format_duration(core::Duration::milliseconds(shown));
}

std::string worker_state(const wire::WorkerRow& row) {
  std::string out(wire::worker_status_token(row.status));
  if (row.cordoned) out += ",cordoned";
  if (row.draining) out += ",draining";
  return out;
}

// `cpu=6/8`: free of total.
void append_share(std::string& out, std::string_view key, std::string free, std::string total) {
  append(out, key, free + "/" + total);
}

void append_resources(std::string& out, const wire::WorkerRow& row) {
  const wire::Capacity& free = row.free;
  const wire::Capacity& all = row.capacity;
  append_share(out, "slots", std::to_string(free.slots), std::to_string(all.slots));
  append_share(out, "cpu", format_milli(free.cpu_milli), format_milli(all.cpu_milli));
  append_share(out, "memory", format_mib(free.memory_mib), format_mib(all.memory_mib));
  append_share(out, "disk", format_mib(free.disk_mib), format_mib(all.disk_mib));
  if (all.network_mbit > 0) {
    append_share(
        out,
        "network",
        std::to_string(free.network_mbit),
        std::to_string(all.network_mbit) + "Mbit");
  }
  for (const wire::NamedAmount& amount : all.custom) {
    int64_t left = 0;
    for (const wire::NamedAmount& f : free.custom) {
      if (f.name == amount.name) left = f.amount;
    }
    append_share(out, word(amount.name), std::to_string(left), std::to_string(amount.amount));
  }
  std::string gpus;
  for (const wire::GpuDevice& gpu : row.gpus) {
    if (!gpus.empty()) gpus += ',';
    gpus += word(gpu.model) + ":" + format_milli(gpu.free_milli);
  }
  if (!gpus.empty()) append(out, "gpus", gpus);
}

void append_labels(std::string& out, const wire::WorkerRow& row) {
  if (!row.tags.empty()) append(out, "tags", join(row.tags));
  std::string labels;
  for (const wire::Label& label : row.labels) {
    if (!labels.empty()) labels += ',';
    labels += word(label.key) + "=" + word(label.value);
  }
  if (!labels.empty()) append(out, "labels", labels);
}

/// One worker as one line: what `workers` and `worker` both show.
void append_worker(std::string& out, const wire::WorkerRow& row) {
  out += word(row.id);
  append(out, "status", worker_state(row));
  append(out, "load", number(row.load));
  append_resources(out, row);
  append_labels(out, row);
  append(out, "address", word(row.address));
  if (!row.reason.empty()) append(out, "reason", word(row.reason));
  out += '\n';
}

void append_worker_details(std::string& out, const wire::WorkerRow& row) {
  append(out, "heartbeat_age", milliseconds(row.heartbeat_age_ms));
  append(out, "reported_tasks", std::to_string(row.reported_tasks));
  append(out, "held_slots", std::to_string(row.held_slots));
  if (row.cooldown_ms > 0) append(out, "cooldown", milliseconds(row.cooldown_ms));
  out += '\n';
  append(out, "used_cpu", format_milli(std::llround(row.usage.cpu_milli)));
  append(out, "used_memory", format_mib(std::llround(row.usage.memory_mib)));
  append(out, "used_gpu", format_milli(std::llround(row.usage.gpu_milli)));
  append(out, "agent", word(row.agent_version));
  out += '\n';
}

/// One overload for each reply.
struct Renderer {
  ConsoleCommand::Kind kind;
  std::string& out;

  void operator()(const wire::Welcome&) { render_ok("", out); }
  void operator()(const wire::Refused& refused) {
    render_error(wire::refusal_token(refused.code), refused.message, out);
  }
  void operator()(const wire::Pong&) { render_ok("pong", out); }
  void operator()(const wire::HeartbeatReply&) { render_ok("", out); }
  void operator()(const wire::Done&) { render_ok("", out); }
  void operator()(const wire::WorkerEvent&) {}
  // About jobs: no command of the console asks for them.
  template <typename AboutJobs>
  void operator()(const AboutJobs&) {}

  void operator()(const wire::Placed& placed) {
    out += "OK ";
    append(out, "worker", word(placed.worker));
    append(out, "address", word(placed.address));
    append(out, "reservation", std::to_string(placed.reservation.value));
    append(out, "expires_in", milliseconds(placed.expires_in_ms));
    append(out, "load", number(placed.load));
    std::string gpus;
    for (const uint16_t gpu : placed.gpus)
      gpus += (gpus.empty() ? "" : ",") + std::to_string(gpu);
    if (!gpus.empty()) append(out, "gpus", gpus);
    if (placed.repeated) append(out, "repeated", "yes");
    if (placed.explanation.workers > 0) {
      append(out, "workers", std::to_string(placed.explanation.workers));
      append(out, "eligible", std::to_string(placed.explanation.eligible));
      append(out, "eliminated", word(eliminated(placed.explanation)));
    }
    out += '\n';
  }

  void operator()(const wire::Unplaced& unplaced) {
    const wire::Explanation& why = unplaced.explanation;
    std::string message;
    switch (unplaced.reason) {
      case wire::NoPlace::NoWorkers: message = "no worker is registered"; break;
      case wire::NoPlace::Eliminated: message = "no worker fits"; break;
      case wire::NoPlace::TimedOut: message = "no worker fitted in the time it could wait"; break;
      case wire::NoPlace::QueueFull: message = "the queue is full; ask again later"; break;
    }
    if (!why.eliminated.empty()) {
      message += "; of " + std::to_string(why.workers) + " workers eliminated: " + eliminated(why);
    }
    render_error(wire::no_place_token(unplaced.reason), message, out);
  }

  void operator()(const wire::Released& released) {
    out += "OK ";
    append(out, "released", std::to_string(released.released));
    append(out, "unknown", std::to_string(released.unknown));
    out += '\n';
  }

  void operator()(const wire::WorkerPage& page) {
    out += "OK ";
    append(out, "shown", std::to_string(page.rows.size()));
    append(out, "total", std::to_string(page.total));
    if (page.next_cursor != 0) append(out, "cursor", std::to_string(page.next_cursor));
    out += '\n';
    for (const wire::WorkerRow& row : page.rows)
      append_worker(out, row);
    if (kind == ConsoleCommand::Kind::Worker && page.rows.size() == 1) {
      append_worker_details(out, page.rows[0]);
    }
    out += kMultiEnd;
  }

  void operator()(const wire::StatsReply& reply) {
    const bool by_shard = kind == ConsoleCommand::Kind::Shards;
    std::map<int32_t, std::string> lines;
    for (const wire::Stat& stat : reply.stats) {
      if (by_shard != (stat.shard >= 0)) continue;
      std::string& line = lines[stat.shard];
      if (by_shard) {
        if (line.empty()) line = "shard=" + std::to_string(stat.shard);
        if (stat.value != 0) append(line, stat.name, number(stat.value));
      } else {
        line += std::string(stat.name) + " " + number(stat.value) + "\n";
      }
    }
    render_ok("", out);
    for (const auto& [shard, line] : lines) {
      out += line;
      if (by_shard) out += '\n';
    }
    out += kMultiEnd;
  }

  void operator()(const wire::TagPage& page) {
    render_ok("tags=" + std::to_string(page.tags.size()), out);
    for (const wire::TagCount& tag : page.tags) {
      out += word(tag.tag) + " " + std::to_string(tag.workers) + "\n";
    }
    out += kMultiEnd;
  }
};

}  // namespace

void render_reply(ConsoleCommand::Kind kind, const wire::Reply& reply, std::string& out) {
  std::visit(Renderer{kind, out}, reply);
}

void render_help(std::string& out) {
  render_ok("", out);
  for (const std::string_view line : console_help()) {
    out += line;
    out += '\n';
  }
  out += kMultiEnd;
}

void render_ok(std::string_view text, std::string& out) {
  out += "OK";
  if (!text.empty()) out += ' ';
  out += text;
  out += '\n';
}

void render_error(std::string_view code, std::string_view message, std::string& out) {
  out += "ERR ";
  out += code;
  out += ' ';
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  out += '\n';
}

}  // namespace berth::net
