#include "tools/cli/worker_table.h"

#include <cstdio>

#include "net/text/units.h"

namespace berth::cli {
namespace {

std::string gpu_text(const client::Worker& worker) {
  if (worker.gpus.empty()) return "-";
  int64_t free_milli = 0;
  for (const client::GpuDevice& gpu : worker.gpus)
    free_milli += gpu.free_milli;
  return net::format_milli(free_milli) + "/" + std::to_string(worker.gpus.size());
}

}  // namespace

std::string worker_state(const client::Worker& worker) {
  std::string state(client::status_token(worker.status));
  if (worker.cordoned) state += ",cordoned";
  if (worker.draining) state += ",draining";
  if (worker.cooldown.count() > 0) state += ",cooling";
  return state;
}

Table worker_table(const std::vector<client::Worker>& workers) {
  using Align = Table::Align;
  Table table(
      {{"WORKER"},
       {"STATE"},
       {"LOAD", Align::Right},
       {"SLOTS FREE", Align::Right},
       {"CPU FREE", Align::Right},
       {"MEMORY FREE", Align::Right},
       {"GPUS FREE", Align::Right},
       {"BEAT", Align::Right},
       {"ADDRESS"},
       {"TAGS"}});
  for (const client::Worker& worker : workers) {
    char load[32];
    std::snprintf(load, sizeof(load), "%.2f", worker.load);
    char age[32];
    std::snprintf(
        age, sizeof(age), "%.1fs", static_cast<double>(worker.heartbeat_age.count()) / 1000.0);
    table.add(
        {worker.id,
         worker_state(worker),
         load,
         std::to_string(worker.free.slots) + "/" + std::to_string(worker.capacity.slots),
         net::format_milli(worker.free.cpu_milli) + "/" +
             net::format_milli(worker.capacity.cpu_milli),
         net::format_mib(worker.free.memory_mib) + "/" +
             net::format_mib(worker.capacity.memory_mib),
         gpu_text(worker),
         age,
         worker.address,
         joined(worker.tags)});
  }
  return table;
}

client::Error naming_worker(client::Error error, const std::string& worker) {
  if (error.refusal == client::Refusal::NotFound) {
    error.message = "there is no worker '" + printable(worker) + "'; 'berth worker list' shows all";
  }
  return error;
}

std::string explanation_text(const client::Explanation& explanation) {
  std::string text = std::to_string(explanation.eligible) + " of " +
                     std::to_string(explanation.workers) + " workers were eligible\n";
  if (explanation.eliminated.empty()) return text;
  Table table(
      {{"RULED OUT BY"},
       {"WORKERS", Table::Align::Right},
       {"ASKED", Table::Align::Right},
       {"LARGEST", Table::Align::Right}});
  for (const client::Elimination& each : explanation.eliminated) {
    const bool amount = each.asked > 0;
    table.add(
        {each.requirement,
         std::to_string(each.workers),
         amount ? net::format_amount(each.requirement, each.asked) : "-",
         amount ? net::format_amount(each.requirement, each.largest) : "-"});
  }
  return text + table.text();
}

}  // namespace berth::cli
