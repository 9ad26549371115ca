#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "net/forms/times.h"
#include "net/text/units.h"
#include "tools/cli/commands.h"
#include "tools/cli/table.h"
#include "tools/cli/worker_table.h"

namespace berth::cli {
namespace {

using client::Worker;

/// Every page, up to the limit; `take` gets each page and says whether to go on.
template <typename Take>
client::Result<client::Done> for_each_page(
    client::BlockingClient& berth, client::ListRequest request, const Take& take) {
  const uint64_t most = request.limit == 0 ? UINT64_MAX : request.limit;
  uint64_t seen = 0;
  while (true) {
    client::Result<client::WorkerPage> page = berth.list_workers(request);
    if (!page) return page.error();
    std::vector<Worker>& workers = page.value().workers;
    workers.resize(std::min<uint64_t>(workers.size(), most - seen));
    seen += workers.size();
    request.cursor = page->next_cursor;
    request.limit = static_cast<uint32_t>(std::min<uint64_t>(most - seen, UINT32_MAX));
    if (!take(page.value()) || request.cursor == 0 || seen == most) return client::Done{};
  }
}

// Rows leave as their page comes: 100,000 workers need no more memory than 500.
Exit list_as_json(Session& session, client::BlockingClient& berth) {
  bool first = true;
  bool written = true;
  uint32_t total = 0;
  const auto done =
      for_each_page(berth, session.invocation().list, [&](const client::WorkerPage& page) {
        std::string out;
        for (const Worker& worker : page.workers) {
          out += first && out.empty() ? "{\"workers\":[\n" : ",\n";
          const std::string line = to_line(worker_json(worker));
          out.append(line, 0, line.size() - 1);
        }
        if (!page.workers.empty()) first = false;
        total = page.total;
        written = write_out(out);
        return written;
      });
  if (!done)
    return session.fail(done.error(), first ? Session::OnOut::Json : Session::OnOut::Nothing);
  const std::string end = (first ? "{\"workers\":[" : "\n") + std::string("],\"total\":");
  return written && write_out(end + std::to_string(total) + "}\n") ? Exit::Ok : Exit::Failed;
}

std::string capacity_text(const client::Capacity& free, const client::Capacity& all) {
  std::string text =
      "  slots      " + std::to_string(free.slots) + " free of " + std::to_string(all.slots) +
      "\n  cpu        " + net::format_milli(free.cpu_milli) + " free of " +
      net::format_milli(all.cpu_milli) + "\n  memory     " + net::format_mib(free.memory_mib) +
      " free of " + net::format_mib(all.memory_mib) + "\n";
  if (all.disk_mib > 0) {
    text += "  disk       " + net::format_mib(free.disk_mib) + " free of " +
            net::format_mib(all.disk_mib) + "\n";
  }
  if (all.network_mbit > 0) {
    text += "  network    " + std::to_string(free.network_mbit) + " free of " +
            std::to_string(all.network_mbit) + " Mbit/s\n";
  }
  for (size_t i = 0; i < all.custom.size(); ++i) {
    const int64_t left = i < free.custom.size() ? free.custom[i].amount : 0;
    text += "  " + printable(all.custom[i].name) + "  " + std::to_string(left) + " free of " +
            std::to_string(all.custom[i].amount) + "\n";
  }
  return text;
}

std::string worker_text(const Worker& worker) {
  std::vector<std::string> labels;
  for (const client::Label& label : worker.labels)
    labels.push_back(label.key + "=" + label.value);
  char load[32];
  std::snprintf(load, sizeof(load), "%.2f", worker.load);
  std::string text = printable(worker.id) + "\n  address    " + printable(worker.address) +
                     "\n  state      " + worker_state(worker);
  if (!worker.reason.empty()) text += " (" + printable(worker.reason) + ")";
  text += "\n  heartbeat  " + format_length(worker.heartbeat_age.count()) + " ago\n  load       " +
          load + "\n  tasks      " + std::to_string(worker.reported_tasks) + " reported, " +
          std::to_string(worker.held_slots) + " slots held\n";
  text += "  tags       " + printable(joined(worker.tags)) + "\n";
  if (!labels.empty()) text += "  labels     " + printable(joined(labels)) + "\n";
  text += capacity_text(worker.free, worker.capacity);
  for (size_t i = 0; i < worker.gpus.size(); ++i) {
    text += "  gpu " + std::to_string(i) + "      " + printable(worker.gpus[i].model) + ", " +
            net::format_milli(worker.gpus[i].free_milli) + " free\n";
  }
  text += "  in use     cpu " + net::format_milli(std::llround(worker.usage.cpu_milli)) +
          ", memory " + net::format_mib(std::llround(worker.usage.memory_mib)) + ", gpu " +
          net::format_milli(std::llround(worker.usage.gpu_milli)) + "\n";
  if (worker.cooldown.count() > 0) {
    text += "  cooldown   " + format_length(worker.cooldown.count()) + "\n";
  }
  return text + "  agent      " + printable(worker.agent_version) + "\n";
}

}  // namespace

Exit run_worker_list(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  if (session.invocation().json) return list_as_json(session, *berth);
  std::vector<Worker> all;
  const auto done =
      for_each_page(*berth, session.invocation().list, [&all](client::WorkerPage& page) {
        std::move(page.workers.begin(), page.workers.end(), std::back_inserter(all));
        return true;
      });
  if (!done) return session.fail(done.error());
  return write_out(worker_table(all).text(isatty(STDOUT_FILENO) == 1)) ? Exit::Ok : Exit::Failed;
}

Exit run_worker_show(Session& session) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  const client::Result<Worker> worker = berth->show_worker(session.invocation().worker);
  if (!worker) return session.fail(naming_worker(worker.error(), session.invocation().worker));
  const bool json = session.invocation().json;
  return write_out(json ? to_line(worker_json(*worker)) : worker_text(*worker)) ? Exit::Ok
                                                                                : Exit::Failed;
}

Exit run_worker_change(Session& session, client::WorkerAction action) {
  Exit exit = Exit::Ok;
  client::BlockingClient* berth = session.client(exit);
  if (berth == nullptr) return exit;
  static constexpr const char* kDone[] = {"cordoned", "draining", "undrained", "forgotten"};
  const Invocation& asked = session.invocation();
  const client::Result<client::Done> done = berth->set_worker(asked.worker, action, asked.reason);
  if (!done) return session.fail(naming_worker(done.error(), asked.worker));
  const char* word = kDone[static_cast<size_t>(action)];
  const std::string out = asked.json ? to_line({{"worker_id", asked.worker}, {"change", word}})
                                     : printable(asked.worker) + " " + word + "\n";
  return write_out(out) ? Exit::Ok : Exit::Failed;
}

}  // namespace berth::cli
