#include "tools/cli/completion.h"

#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace berth::cli {
namespace {

struct Flag {
  std::string name;  // with its dashes
  std::string help;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> choices;
};

struct Node {
  std::string path;  // `/worker/list`; empty for the program itself
  std::vector<std::pair<std::string, std::string>> commands;  // name, help
  std::vector<Flag> flags;                                    // its own and those of every command
  std::vector<std::string> choices;                           // of its positional argument
};

// CLI11 writes the set of a checked option into its type: `SHELL:{bash,zsh,fish}`.
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

void add_flags(const CLI::App& app, Node& node) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      if (app.get_parent() != nullptr) node.choices = choices_of(*option);
      continue;
    }
    for (const std::string& name : option->get_lnames()) {
      node.flags.push_back(
          {.name = "--" + name,
           .help = option->get_description(),
           .takes_value = option->get_items_expected_max() > 0,
           .takes_file = option->get_type_name().starts_with("FILE"),
           .choices = choices_of(*option)});
    }
  }
}

void collect(
    const CLI::App& app, const CLI::App& root, const std::string& path, std::vector<Node>& nodes) {
  Node node{.path = path};
  const auto every = [](const CLI::App*) {
    return true;
  };
  for (const CLI::App* command : app.get_subcommands(every)) {
    node.commands.emplace_back(command->get_name(), command->get_description());
  }
  add_flags(app, node);
  if (&app != &root) {
    Node common;
    add_flags(root, common);
    for (Flag& flag : common.flags) {
      if (flag.name != "--help" && flag.name != "--version") node.flags.push_back(std::move(flag));
    }
  }
  nodes.push_back(std::move(node));
  for (const CLI::App* command : app.get_subcommands(every)) {
    collect(*command, root, path + "/" + command->get_name(), nodes);
  }
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// In single quotes, as bash and zsh read them.
std::string quoted(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : separator) + word;
  return text;
}

std::vector<std::string> paths_of(const std::vector<Node>& nodes) {
  std::vector<std::string> paths;
  for (const Node& node : nodes) {
    if (!node.path.empty()) paths.push_back(node.path);
  }
  return paths;
}

std::vector<std::string> names_of(const Node& node) {
  std::vector<std::string> names;
  for (const auto& [name, help] : node.commands)
    names.push_back(name);
  names.insert(names.end(), node.choices.begin(), node.choices.end());
  for (const Flag& flag : node.flags)
    names.push_back(flag.name);
  return names;
}

// `case` arms for the word after an option that takes a value. An option means the same wherever
// it stands, so that one list serves all commands.
std::string value_arms(
    const std::vector<Node>& nodes, const std::string& offer, const std::string& files) {
  std::string arms;
  std::vector<std::string> seen;
  std::vector<std::string> free_form;
  for (const Node& node : nodes) {
    for (const Flag& flag : node.flags) {
      if (!flag.takes_value || std::find(seen.begin(), seen.end(), flag.name) != seen.end())
        continue;
      seen.push_back(flag.name);
      if (flag.takes_file) {
        arms += "    " + flag.name + ") " + files + "; return ;;\n";
      } else if (!flag.choices.empty()) {
        arms += "    " + flag.name + ") " + replaced(offer, "@", joined(flag.choices, " ")) +
                "; return ;;\n";
      } else {
        free_form.push_back(flag.name);
      }
    }
  }
  return arms + "    " + joined(free_form, "|") + ") return ;;\n";
}

std::string bash_script(const std::vector<Node>& nodes) {
  std::string text =
      "# bash completion of berth: source <(berth completion bash)\n"
      "_berth() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} at='' i\n"
      "  COMPREPLY=()\n"
      "  case ${COMP_WORDS[COMP_CWORD-1]} in\n" +
      value_arms(
          nodes,
          "mapfile -t COMPREPLY < <(compgen -W '@' -- \"$current\")",
          "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")") +
      "  esac\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at/${COMP_WORDS[i]}\" in\n"
      "    " +
      joined(paths_of(nodes), "|") +
      ") at=$at/${COMP_WORDS[i]} ;;\n"
      "    esac\n"
      "  done\n"
      "  case $at in\n";
  for (const Node& node : nodes) {
    text += "    " + quoted(node.path) + ") mapfile -t COMPREPLY < <(compgen -W " +
            quoted(joined(names_of(node), " ")) + " -- \"$current\") ;;\n";
  }
  return text + "  esac\n}\ncomplete -F _berth berth\n";
}

std::string zsh_list(
    const std::string& what, const std::vector<std::pair<std::string, std::string>>& items) {
  if (items.empty()) return "";
  std::string text = "      list=(";
  for (const auto& [name, help] : items) {
    text += " " + quoted(replaced(name, ":", "\\:") + ":" + help);
  }
  return text + " )\n      _describe " + quoted(what) + " list\n";
}

std::string zsh_script(const std::vector<Node>& nodes) {
  // `path` and `words` mean something to zsh.
  std::string text =
      "#compdef berth\n"
      "# zsh completion of berth: berth completion zsh > \"${fpath[1]}/_berth\"\n"
      "_berth() {\n"
      "  local at='' i\n"
      "  local -a list\n"
      "  case ${words[CURRENT-1]} in\n" +
      value_arms(nodes, "compadd @", "_files") +
      "  esac\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case \"$at/${words[i]}\" in\n"
      "    " +
      joined(paths_of(nodes), "|") +
      ") at=$at/${words[i]} ;;\n"
      "    esac\n"
      "  done\n"
      "  case $at in\n";
  for (const Node& node : nodes) {
    std::vector<std::pair<std::string, std::string>> flags;
    for (const Flag& flag : node.flags)
      flags.emplace_back(flag.name, flag.help);
    text += "    " + quoted(node.path) + ")\n" + zsh_list("command", node.commands);
    if (!node.choices.empty()) text += "      compadd " + joined(node.choices, " ") + "\n";
    text += zsh_list("option", flags) + "      ;;\n";
  }
  return text +
         "  esac\n}\n"
         "if [[ ${funcstack[1]} == _berth ]]; then _berth \"$@\"; else compdef _berth berth; fi\n";
}

std::string fish_line(const Node& node, const std::string& what, const std::string& help) {
  return "complete -c berth -n " + fish_quoted("__berth_at '" + node.path + "'") + what +
         (help.empty() ? "" : " -d " + fish_quoted(help)) + "\n";
}

std::string fish_script(const std::vector<Node>& nodes) {
  std::string text =
      "# fish completion of berth: berth completion fish > ~/.config/fish/completions/berth.fish\n"
      "function __berth_at\n"
      "    set -l at ''\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        switch \"$at/$word\"\n"
      "            case " +
      joined(paths_of(nodes), " ") +
      "\n"
      "                set at \"$at/$word\"\n"
      "        end\n"
      "    end\n"
      "    test \"$at\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c berth -f\n";
  for (const Node& node : nodes) {
    for (const auto& [name, help] : node.commands)
      text += fish_line(node, " -a " + name, help);
    if (!node.choices.empty()) {
      text += fish_line(node, " -a " + fish_quoted(joined(node.choices, " ")), "");
    }
    for (const Flag& flag : node.flags) {
      std::string what = " -l " + flag.name.substr(2);
      if (flag.takes_file) {
        what += " -r -F";
      } else if (flag.takes_value) {
        what += " -x";
      }
      if (!flag.choices.empty()) what += " -a " + fish_quoted(joined(flag.choices, " "));
      text += fish_line(node, what, flag.help);
    }
  }
  return text;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<Node> nodes;
  collect(app, app, "", nodes);
  if (shell == "bash") return bash_script(nodes);
  if (shell == "zsh") return zsh_script(nodes);
  return fish_script(nodes);
}

}  // namespace berth::cli
