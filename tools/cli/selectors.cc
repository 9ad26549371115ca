#include "tools/cli/selectors.h"

#include <algorithm>
#include <map>

#include "net/text/units.h"
#include "tools/cli/table.h"

namespace berth::cli {
namespace {

using client::JobRange;
using client::JobStatus;

// Pages looked at for a name; beyond that it has to be an id.
constexpr int kPagesMax = 100;

client::Error refusal(client::Refusal why, std::string message) {
  client::Error error{.code = client::ErrorCode::Refused, .refusal = why};
  error.message = std::move(message);
  return error;
}

/// The jobs, or arrays, that a name may mean: by name, the newest of each.
client::Result<std::map<std::string, JobStatus>> named_jobs(
    client::BlockingClient& berth, const std::string& name) {
  std::map<std::string, JobStatus> found;
  client::JobFilter filter{.name = name, .newest_first = true};
  for (int pages = 0; pages < kPagesMax; ++pages) {
    client::Result<client::JobPage> page = berth.list_jobs(filter);
    if (!page) return page.error();
    for (JobStatus& job : page.value().jobs)
      found.try_emplace(job.name, job);
    if (found.contains(name) || found.size() > 1 || page->next_cursor == 0) break;
    filter.cursor = page->next_cursor;
  }
  return found;
}

client::Result<JobRange> find_named(client::BlockingClient& berth, const std::string& name) {
  const auto found = named_jobs(berth, name);
  if (!found) return found.error();
  if (const auto exact = found->find(name); exact != found->end()) {
    return whole_array(berth, exact->second);
  }
  if (found->empty()) {
    return refusal(
        client::Refusal::NotFound,
        "no job is named '" + printable(name) + "'; 'berth job list' shows all");
  }
  if (found->size() == 1) return whole_array(berth, found->begin()->second);
  std::string names;
  for (const auto& [each, job] : *found) {
    names += (names.empty() ? "" : ", ") + printable(each) + " (" + std::to_string(job.id) + ")";
  }
  return refusal(
      client::Refusal::Conflict,
      "'" + printable(name) + "' begins several names: " + names + "; say more, or the id");
}

client::Result<std::vector<JobRange>> find_one(
    client::BlockingClient& berth, const std::string& server, const std::string& word) {
  const std::optional<Selector> selector = parse_selector(word);
  if (!selector) {
    return client::Error{
        .code = client::ErrorCode::BadArgument,
        .message = "'" + printable(word) +
                   "' is no job; say an id (12), a range (10-20), 'last' or a job's name"};
  }
  if (selector->kind == Selector::Kind::Range) return std::vector{selector->range};
  if (selector->kind == Selector::Kind::Last) {
    std::vector<JobRange> last = recall_submit(server);
    if (!last.empty()) return last;
    return refusal(
        client::Refusal::NotFound,
        "'last' is what you last submitted from here to " + server +
            ", and there is nothing; say the job's id");
  }
  const client::Result<JobRange> named = find_named(berth, selector->name);
  if (!named) return named.error();
  return std::vector{*named};
}

}  // namespace

std::optional<Selector> parse_selector(std::string_view word) {
  if (word.empty()) return std::nullopt;
  if (word == "last") return Selector{.kind = Selector::Kind::Last};
  if (word.find_first_not_of("0123456789-") != std::string_view::npos) {
    return Selector{.kind = Selector::Kind::Name, .name = std::string(word)};
  }
  const size_t dash = word.find('-');
  const auto first = net::parse_count(word.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : net::parse_count(word.substr(dash + 1));
  if (!first || !last || *first == 0 || *first > *last) return std::nullopt;
  return Selector{.range = {*first, *last}};
}

client::Result<std::vector<JobRange>> find_jobs(
    client::BlockingClient& berth,
    const std::string& server,
    const std::vector<std::string>& words) {
  std::vector<JobRange> jobs;
  for (const std::string& word : words) {
    const auto found = find_one(berth, server, word);
    if (!found) return found.error();
    jobs.insert(jobs.end(), found->begin(), found->end());
  }
  return jobs;
}

client::Result<client::JobId> find_job(
    client::BlockingClient& berth, const std::string& server, const std::string& word) {
  const auto found = find_one(berth, server, word);
  if (!found) return found.error();
  if (found->size() == 1 && found->front().first == found->front().last) {
    return found->front().first;
  }
  return client::Error{
      .code = client::ErrorCode::BadArgument,
      .message = "'" + printable(word) + "' is more than one job (" + range_text(found->front()) +
                 (found->size() > 1 ? ", …" : "") + "); say the id of one"};
}

client::Result<JobRange> whole_array(client::BlockingClient& berth, const JobStatus& job) {
  if (!job.is_array) return JobRange{job.id, job.id};
  const auto details = berth.show_job(job.id);
  if (!details) return details.error();
  if (!details->spec.array) return JobRange{job.id, job.id};
  const client::ArrayIndexes& indexes = *details->spec.array;
  const client::JobId first = job.id - (job.array_index - indexes.first);
  return JobRange{first, first + (indexes.last - indexes.first)};
}

std::string range_text(const JobRange& range) {
  return range.first == range.last ? std::to_string(range.first)
                                   : std::to_string(range.first) + "-" + std::to_string(range.last);
}

}  // namespace berth::cli
