#include "net/console/console_command.h"

#include <algorithm>
#include <array>
#include <deque>

#include "core/base/text.h"
#include "core/settings.h"
#include "net/text/units.h"
#include "wire/tokens.h"

namespace berth::net {

/// Deques: what has been added never moves.
struct ConsoleCommandParts {
  std::string line;
  std::deque<std::vector<wire::Text>> lists;
  std::vector<wire::TextList> any_groups;
  std::vector<wire::Label> affinity;
  std::vector<wire::Label> anti_affinity;
  std::vector<wire::NamedAmount> custom;
  std::vector<wire::Text> tasks;
  std::vector<uint64_t> reservations;
  std::vector<wire::Text> tags;
  std::vector<wire::Text> none_tags;
  std::vector<wire::Text> models;
};

ConsoleCommand::ConsoleCommand() = default;
ConsoleCommand::~ConsoleCommand() = default;
ConsoleCommand::ConsoleCommand(ConsoleCommand&&) noexcept = default;
ConsoleCommand& ConsoleCommand::operator=(ConsoleCommand&&) noexcept = default;

namespace {

using Words = std::vector<std::string_view>;
using Parts = ConsoleCommandParts;

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text) + "'";
}

bool fail(std::string& problem, std::string text) {
  problem = std::move(text);
  return false;
}

bool not_a(std::string& problem, std::string_view key, std::string_view value, const char* form) {
  return fail(problem, std::string(key) + "=" + std::string(value) + " is not " + form);
}

bool unknown(std::string& problem, const char* what, std::string_view word, const Words& known) {
  std::string text = std::string("no ") + what + " " + in_quotes(word);
  const std::string_view near = nearest_word(word, known);
  return fail(
      problem, text + (near.empty() ? "; type help" : "; did you mean " + in_quotes(near) + "?"));
}

Words split_words(std::string_view line) {
  Words words;
  size_t at = 0;
  while (at < line.size()) {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t'))
      ++at;
    const size_t start = at;
    while (at < line.size() && line[at] != ' ' && line[at] != '\t')
      ++at;
    if (at > start) words.push_back(line.substr(start, at - start));
  }
  return words;
}

// ---- place ----------------------------------------------------------------------------------

template <typename Number>
bool assign(std::optional<int64_t> parsed, Number& target) {
  if (!parsed) return false;
  target = static_cast<Number>(*parsed);
  return true;
}

std::optional<int64_t> count_of(std::string_view text, uint64_t max) {
  const std::optional<uint64_t> count = parse_count(text, max);
  if (!count) return std::nullopt;
  return static_cast<int64_t>(*count);
}

bool assign_ms(std::string_view value, uint32_t& ms) {
  const std::optional<core::Duration> duration = parse_duration(value);
  if (!duration || duration->ms() > UINT32_MAX) return false;
  // Less than a millisecond is not "none".
  ms = static_cast<uint32_t>((duration->ns + 999'999) / 1'000'000);
  return true;
}

bool add_label(std::string_view value, std::vector<wire::Label>& labels) {
  const auto label = parse_label(value);
  if (!label) return false;
  labels.push_back({label->first, label->second});
  return true;
}

bool add_all(std::string_view value, std::vector<wire::Text>& list) {
  const std::vector<std::string_view> pieces = split_list(value);
  list.insert(list.end(), pieces.begin(), pieces.end());
  return !pieces.empty();
}

bool set_gpu_fraction(std::string_view value, wire::Demand& demand) {
  const std::optional<int64_t> milli = parse_milli(value);
  if (!milli || *milli <= 0) return false;
  if (*milli >= 1000 && *milli % 1000 != 0) return false;
  demand.gpu_count = *milli < 1000 ? 1 : *milli / 1000;
  demand.gpu_milli = *milli < 1000 ? *milli : 1000;
  return true;
}

struct PlaceRow {
  std::string_view key;
  const char* form;  // what the value has to be
  bool (*set)(std::string_view value, wire::Place& place, Parts& parts);
};

constexpr const char* kListForm = "a list such as a,b";
constexpr const char* kGpuForm =
    "a fraction of one device such as 0.5, or a whole number of devices";
constexpr const char* kPolicyForm = "one of least-loaded, best-fit, fgd, spread, pack";

const std::array<PlaceRow, 21> kPlaceRows = {{
    {"task",
     "a task id",
     [](auto v, auto& p, auto&) {
       return !(p.task = v).empty();
     }},
    {"tags",
     kListForm,
     [](auto v, auto&, auto& s) {
       return add_all(v, s.tags);
     }},
    {"tag",
     kListForm,
     [](auto v, auto&, auto& s) {
       return add_all(v, s.tags);
     }},
    {"any",
     "a choice such as A100|H100",
     [](auto v, auto&, auto& s) {
       s.lists.push_back(split_list(v, '|'));
       return !s.lists.back().empty();
     }},
    {"not",
     kListForm,
     [](auto v, auto&, auto& s) {
       return add_all(v, s.none_tags);
     }},
    {"slots",
     kCountForm,
     [](auto v, auto& p, auto&) {
       return assign(count_of(v, core::kSlotsMax), p.demand.slots);
     }},
    {"cpu",
     kMilliForm,
     [](auto v, auto& p, auto&) {
       return assign(parse_milli(v), p.demand.cpu_milli);
     }},
    {"memory",
     kSizeForm,
     [](auto v, auto& p, auto&) {
       return assign(parse_mib(v), p.demand.memory_mib);
     }},
    {"disk",
     kSizeForm,
     [](auto v, auto& p, auto&) {
       return assign(parse_mib(v), p.demand.disk_mib);
     }},
    {"network",
     kBandwidthForm,
     [](auto v, auto& p, auto&) {
       return assign(parse_mbit(v), p.demand.network_mbit);
     }},
    {"gpu",
     kGpuForm,
     [](auto v, auto& p, auto&) {
       return set_gpu_fraction(v, p.demand);
     }},
    {"gpus",
     kCountForm,
     [](auto v, auto& p, auto&) {
       p.demand.gpu_milli = 1000;
       return assign(count_of(v, core::kGpusMax), p.demand.gpu_count);
     }},
    {"models",
     "a choice such as A100|H100",
     [](auto v, auto&, auto& s) {
       return !(s.models = split_list(v, '|')).empty();
     }},
    {"custom",
     "a name and an amount such as licence:1",
     [](auto v, auto&, auto& s) {
       const size_t colon = v.rfind(':');
       if (colon == v.npos || colon == 0) return false;
       const auto amount = count_of(v.substr(colon + 1), core::kAmountMax);
       if (!amount) return false;
       s.custom.push_back({v.substr(0, colon), *amount});
       return true;
     }},
    {"affinity",
     kLabelForm,
     [](auto v, auto&, auto& s) {
       return add_label(v, s.affinity);
     }},
    {"avoid",
     kLabelForm,
     [](auto v, auto&, auto& s) {
       return add_label(v, s.anti_affinity);
     }},
    {"spread",
     "a label's key",
     [](auto v, auto& p, auto&) {
       return !(p.requirements.spread_by = v).empty();
     }},
    {"policy",
     kPolicyForm,
     [](auto v, auto& p, auto&) {
       const std::optional<wire::Policy> policy = wire::policy_from(v);
       if (policy) p.policy = *policy;
       return policy.has_value();
     }},
    {"priority",
     "a whole number, negative ones included",
     [](auto v, auto& p, auto&) {
       const bool negative = v.starts_with('-');
       const auto size = count_of(v.substr(negative ? 1 : 0), INT32_MAX);
       if (size) p.priority = static_cast<int32_t>(negative ? -*size : *size);
       return size.has_value();
     }},
    {"hold",
     kDurationForm,
     [](auto v, auto& p, auto&) {
       return assign_ms(v, p.hold_ms);
     }},
    {"wait",
     kDurationForm,
     [](auto v, auto& p, auto&) {
       return assign_ms(v, p.wait_ms);
     }},
}};

bool set_place_word(std::string_view word, wire::Place& place, Parts& parts, std::string& problem) {
  if (word == "explain") {
    place.explain = true;
    return true;
  }
  const size_t equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  for (const PlaceRow& row : kPlaceRows) {
    if (row.key != key) continue;
    if (equals == word.npos) return fail(problem, std::string(key) + " needs =VALUE: " + row.form);
    const std::string_view value = word.substr(equals + 1);
    return row.set(value, place, parts) || not_a(problem, key, value, row.form);
  }
  Words known = {"explain"};
  for (const PlaceRow& row : kPlaceRows)
    known.push_back(row.key);
  return unknown(problem, "place option", key, known);
}

bool parse_place(const Words& words, ConsoleCommand& command, std::string& problem) {
  Parts& parts = *command.parts;
  wire::Place place;
  for (size_t i = 1; i < words.size(); ++i) {
    if (!set_place_word(words[i], place, parts, problem)) return false;
  }
  for (const std::vector<wire::Text>& list : parts.lists)
    parts.any_groups.push_back(list);
  place.requirements.all_tags = parts.tags;
  place.requirements.any_tags = parts.any_groups;
  place.requirements.none_tags = parts.none_tags;
  place.requirements.affinity = parts.affinity;
  place.requirements.anti_affinity = parts.anti_affinity;
  place.demand.gpu_models = parts.models;
  place.demand.custom = parts.custom;
  command.kind = ConsoleCommand::Kind::Request;
  command.request = place;
  return true;
}

// ---- The others -----------------------------------------------------------------------------

bool parse_release(const Words& words, ConsoleCommand& command, std::string& problem) {
  Parts& parts = *command.parts;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string_view key = words[i].substr(0, equals);
    const std::string_view value =
        equals == words[i].npos ? std::string_view() : words[i].substr(equals + 1);
    if (equals == words[i].npos) {
      parts.tasks.push_back(words[i]);
    } else if (key == "task") {
      if (!add_all(value, parts.tasks)) return not_a(problem, key, value, "a task id");
    } else if (key == "reservation") {
      for (const std::string_view piece : split_list(value)) {
        const std::optional<uint64_t> id = parse_count(piece);
        if (!id) return not_a(problem, key, piece, "a reservation id");
        parts.reservations.push_back(*id);
      }
    } else {
      return unknown(problem, "release option", key, {"task", "reservation"});
    }
  }
  if (parts.tasks.empty() && parts.reservations.empty()) {
    return fail(problem, "release what? write release TASK or release reservation=N");
  }
  command.kind = ConsoleCommand::Kind::Request;
  command.request = wire::Release{parts.reservations, parts.tasks};
  return true;
}

bool parse_workers(const Words& words, ConsoleCommand& command, std::string& problem) {
  Parts& parts = *command.parts;
  wire::ListWorkers list;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string_view key = words[i].substr(0, equals);
    const std::string_view value =
        equals == words[i].npos ? std::string_view() : words[i].substr(equals + 1);
    if (key == "tag" || key == "tags") {
      if (!add_all(value, parts.tags)) return not_a(problem, key, value, kListForm);
    } else if (key == "limit" || key == "cursor") {
      const std::optional<uint64_t> count =
          parse_count(value, key == "limit" ? UINT32_MAX : UINT64_MAX);
      if (!count) return not_a(problem, key, value, kCountForm);
      if (key == "limit") list.limit = static_cast<uint32_t>(*count);
      if (key == "cursor") list.cursor = *count;
    } else {
      return unknown(problem, "workers option", key, {"tag", "tags", "limit", "cursor"});
    }
  }
  list.tags = parts.tags;
  command.kind = ConsoleCommand::Kind::Request;
  command.request = list;
  return true;
}

bool parse_worker(const Words& words, ConsoleCommand& command, std::string& problem) {
  if (words.size() != 2) return fail(problem, "worker takes one worker's id");
  command.kind = ConsoleCommand::Kind::Worker;
  command.request = wire::ShowWorker{words[1]};
  return true;
}

template <wire::WorkerAction kAction>
bool parse_set(const Words& words, ConsoleCommand& command, std::string& problem) {
  if (words.size() < 2) {
    return fail(problem, std::string(words[0]) + " takes a worker's id and, if you like, a reason");
  }
  wire::SetWorker set = {words[1], kAction, {}};
  if (words.size() > 2) {
    // The reason is the rest of the line, spaces and all.
    const std::string_view line = command.parts->line;
    const size_t start = static_cast<size_t>(words[2].data() - line.data());
    const size_t end = static_cast<size_t>(words.back().data() - line.data()) + words.back().size();
    set.reason = line.substr(start, end - start);
  }
  command.kind = ConsoleCommand::Kind::Request;
  command.request = set;
  return true;
}

template <ConsoleCommand::Kind kKind, typename Request>
bool parse_plain(const Words& words, ConsoleCommand& command, std::string& problem) {
  if (words.size() > 1) {
    return fail(problem, std::string(words[0]) + " takes nothing more, not " + in_quotes(words[1]));
  }
  command.kind = kKind;
  command.request = Request{};
  return true;
}

struct CommandRow {
  std::string_view name;
  bool (*parse)(const Words& words, ConsoleCommand& command, std::string& problem);
  std::string_view help;
};

using Kind = ConsoleCommand::Kind;

constexpr std::array<CommandRow, 15> kCommands = {{
    {"help", parse_plain<Kind::Help, wire::Ping>, "help: this list"},
    {"workers",
     parse_workers,
     "workers [tag=A,B] [limit=N] [cursor=C]: one line for each worker that has the tags"},
    {"worker", parse_worker, "worker ID: all about one worker"},
    {"place",
     parse_place,
     "place [task=ID] [tags=A,B] [any=A|B]... [not=A] [slots=N] [cpu=2] [memory=4GiB] [disk=1GiB]"
     " [network=1Gbit] [gpu=0.5] [gpus=2] [models=A100|H100] [custom=NAME:N]... [affinity=K=V]..."
     " [avoid=K=V]... [spread=KEY] [policy=P] [priority=N] [hold=30s] [wait=5s] [explain]:"
     " where should this run?"},
    {"release", parse_release, "release TASK | task=ID[,ID] | reservation=N[,N]: give it back"},
    {"cordon",
     parse_set<wire::WorkerAction::Cordon>,
     "cordon ID [REASON]: place nothing new on it"},
    {"drain",
     parse_set<wire::WorkerAction::Drain>,
     "drain ID [REASON]: place nothing new on it and tell its agent to empty it"},
    {"undrain", parse_set<wire::WorkerAction::Undrain>, "undrain ID: take it back into service"},
    {"forget",
     parse_set<wire::WorkerAction::Forget>,
     "forget ID [REASON]: remove it until it reports again"},
    {"stats", parse_plain<Kind::Stats, wire::GetStats>, "stats: the numbers of the server"},
    {"shards", parse_plain<Kind::Shards, wire::GetStats>, "shards: the numbers of each shard"},
    {"tags", parse_plain<Kind::Request, wire::ListTags>, "tags: each tag and how many have it"},
    {"ping", parse_plain<Kind::Request, wire::Ping>, "ping: is anyone there?"},
    {"version", parse_plain<Kind::Version, wire::Ping>, "version: which server this is"},
    {"quit", parse_plain<Kind::Quit, wire::Ping>, "quit: end the session"},
}};

bool check_bytes(std::string_view line, std::string& problem) {
  if (line.size() > kConsoleLineMax) {
    return fail(problem, "the line is longer than " + std::to_string(kConsoleLineMax) + " bytes");
  }
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      return fail(
          problem,
          "control character " + std::to_string(byte) + " at column " + std::to_string(i + 1));
    }
  }
  // Besides the tab, clean text is the only text that may be shown again.
  std::string without_tabs(line);
  std::replace(without_tabs.begin(), without_tabs.end(), '\t', ' ');
  if (!core::is_clean_text(without_tabs)) return fail(problem, "the line is not valid UTF-8");
  return true;
}

}  // namespace

bool parse_console_line(std::string_view line, ConsoleCommand& command, std::string& problem) {
  command = {};
  if (!check_bytes(line, problem)) return false;
  command.parts = std::make_unique<Parts>();
  command.parts->line = line;
  const Words words = split_words(command.parts->line);
  if (words.empty() || words[0].starts_with('#')) return true;
  for (const CommandRow& row : kCommands) {
    if (row.name == words[0]) return row.parse(words, command, problem);
  }
  Words known;
  for (const CommandRow& row : kCommands)
    known.push_back(row.name);
  return unknown(problem, "command", words[0], known);
}

const std::vector<std::string_view>& console_help() {
  static const std::vector<std::string_view> kHelp = [] {
    std::vector<std::string_view> lines;
    for (const CommandRow& row : kCommands)
      lines.push_back(row.help);
    return lines;
  }();
  return kHelp;
}

}  // namespace berth::net
