#include "tools/cli/place_options.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "core/settings.h"
#include "net/text/units.h"

namespace berth::cli {
namespace {

using Values = std::vector<std::string>;

[[noreturn]] void refuse(const char* option, const std::string& text, const char* form) {
  throw CLI::ValidationError(option, "'" + text + "' is not " + form);
}

template <typename T>
T checked(
    const std::optional<T>& parsed, const char* option, const std::string& text, const char* form) {
  if (!parsed) refuse(option, text, form);
  return *parsed;
}

// CLI11 hands over a repeatable option's values together.
template <typename Take>
CLI::Option* add_repeatable(CLI::App& command, const char* name, Take take, const char* help) {
  return command
      .add_option_function<Values>(
          name,
          [take, name](const Values& values) {
            for (const std::string& value : values)
              take(name, value);
          },
          help)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void split_into(Values& to, const std::string& text, char separator = ',') {
  for (const std::string_view piece : net::split_list(text, separator))
    to.emplace_back(piece);
}

void take_label(std::vector<client::Label>& to, const char* option, const std::string& text) {
  const auto [key, value] = checked(net::parse_label(text), option, text, net::kLabelForm);
  to.push_back({std::string(key), std::string(value)});
}

void add_choice_options(CLI::App& command, client::PlaceRequest& request) {
  add_repeatable(
      command,
      "--tags",
      [&request](const char*, const std::string& text) { split_into(request.all_tags, text); },
      "Tags the worker must all have")
      ->type_name("A,B");
  add_repeatable(
      command,
      "--any",
      [&request](const char* option, const std::string& text) {
        split_into(request.any_tags.emplace_back(), text, '|');
        if (request.any_tags.back().empty())
          refuse(option, text, "a group of tags such as A100|H100");
      },
      "Tags of which the worker must have one; each --any is one group")
      ->type_name("A|B");
  add_repeatable(
      command,
      "--not",
      [&request](const char*, const std::string& text) { split_into(request.none_tags, text); },
      "Tags the worker must not have")
      ->type_name("A,B");
  add_repeatable(
      command,
      "--label",
      [&request](const char* option, const std::string& text) {
        take_label(request.affinity, option, text);
      },
      "A label the worker must have")
      ->type_name("KEY=VALUE");
  add_repeatable(
      command,
      "--not-label",
      [&request](const char* option, const std::string& text) {
        take_label(request.anti_affinity, option, text);
      },
      "A label the worker must not have")
      ->type_name("KEY=VALUE");
  command
      .add_option("--spread-by", request.spread_by, "Prefer the least loaded value of this label")
      ->type_name("KEY");
  add_repeatable(
      command,
      "--exclude",
      [&request](const char*, const std::string& text) {
        split_into(request.exclude_workers, text);
      },
      "Workers not to be chosen")
      ->type_name("ID,ID");
}

void take_custom(client::Demand& demand, const char* option, const std::string& text) {
  const char* form = "a name and an amount such as licences=2";
  const auto [name, amount] = checked(net::parse_label(text), option, text, form);
  const std::optional<uint64_t> number = net::parse_count(amount, core::kAmountMax);
  demand.custom.push_back(
      {std::string(name), static_cast<int64_t>(checked(number, option, text, form))});
}

void take_gpu_fraction(client::Demand& demand, const char* option, const std::string& text) {
  const char* form = "a part of one GPU such as 0.5 or 1";
  const int64_t milli = checked(net::parse_milli(text), option, text, form);
  if (milli < 1 || milli > 1000) refuse(option, text, form);
  demand.gpu_count = 1;
  demand.gpu_milli = milli;
}

template <typename Parse>
void add_amount(
    CLI::App& command,
    const char* name,
    int64_t& to,
    Parse parse,
    const char* form,
    const char* type,
    const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [&to, parse, form, name](const std::string& text) {
            to = static_cast<int64_t>(checked(parse(text), name, text, form));
          },
          help)
      ->type_name(type);
}

void add_demand_options(CLI::App& command, client::Demand& demand) {
  const auto slots = [](const std::string& text) {
    return net::parse_count(text, core::kSlotsMax);
  };
  add_amount(
      command, "--cpu", demand.cpu_milli, net::parse_milli, net::kMilliForm, "CORES", "Cores");
  add_amount(
      command, "--memory", demand.memory_mib, net::parse_mib, net::kSizeForm, "SIZE", "Memory");
  add_amount(command, "--disk", demand.disk_mib, net::parse_mib, net::kSizeForm, "SIZE", "Disk");
  add_amount(
      command,
      "--network",
      demand.network_mbit,
      net::parse_mbit,
      net::kBandwidthForm,
      "RATE",
      "Network");
  add_amount(command, "--slots", demand.slots, slots, net::kCountForm, "N", "Slots (default 1)");
  add_repeatable(
      command,
      "--custom",
      [&demand](const char* option, const std::string& text) { take_custom(demand, option, text); },
      "An amount of a resource that the operator named")
      ->type_name("NAME=N");
  CLI::Option* part = command.add_option_function<std::string>(
      "--gpu",
      [&demand](const std::string& text) { take_gpu_fraction(demand, "--gpu", text); },
      "A part of one GPU");
  part->type_name("PART");
  command
      .add_option_function<std::string>(
          "--gpus",
          [&demand](const std::string& text) {
            demand.gpu_count = static_cast<int64_t>(count_value("--gpus", text, core::kGpusMax));
            demand.gpu_milli = demand.gpu_count > 0 ? 1000 : 0;
          },
          "Whole GPUs")
      ->type_name("N")
      ->excludes(part);
  add_repeatable(
      command,
      "--gpu-model",
      [&demand](const char*, const std::string& text) { split_into(demand.gpu_models, text, '|'); },
      "Allowed GPU models")
      ->type_name("A|B");
}

void add_life_options(CLI::App& command, client::PlaceRequest& request) {
  command
      .add_option_function<std::string>(
          "--policy",
          [&request](const std::string& text) { request.policy = *client::policy_from(text); },
          "How to choose (default least-loaded)")
      ->type_name("POLICY")
      ->check(CLI::IsMember({"least-loaded", "best-fit", "fgd", "spread", "pack"}));
  command.add_option("--priority", request.priority, "Among waiting requests, higher first")
      ->type_name("N");
  command
      .add_option_function<std::string>(
          "--hold",
          [&request](const std::string& text) { request.hold = duration_value("--hold", text); },
          "Life of the reservation (default: the server's)")
      ->type_name("TIME");
  command
      .add_option_function<std::string>(
          "--wait",
          [&request](const std::string& text) { request.wait = duration_value("--wait", text); },
          "Wait so long for a place when there is none now")
      ->type_name("TIME");
  command.add_flag(
      "--explain", request.explain, "Say which requirement ruled out how many workers");
}

}  // namespace

client::Milliseconds duration_value(const char* option, const std::string& text) {
  return client::Milliseconds(
      checked(net::parse_duration(text), option, text, net::kDurationForm).ms());
}

uint64_t count_value(const char* option, const std::string& text, uint64_t max) {
  return checked(
      net::parse_count(text, max),
      option,
      text,
      ("a whole number up to " + std::to_string(max)).c_str());
}

void add_place_options(CLI::App& command, client::PlaceRequest& request) {
  command.add_option("--task", request.task, "The task, by an id of your own")
      ->type_name("ID")
      ->required();
  add_choice_options(command, request);
  add_demand_options(command, request.demand);
  add_life_options(command, request);
}

}  // namespace berth::cli
