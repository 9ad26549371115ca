#include "tools/cli/completion.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/cli/arguments.h"

namespace berth::cli {
namespace {

using testing::HasSubstr;

// Whatever the tree knows, every script offers: nothing has to be kept in step by hand.
TEST(Completion, OffersEveryCommandAndOptionOfTheTree) {
  Invocation invocation;
  const std::unique_ptr<CLI::App> app = make_arguments(invocation);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    SCOPED_TRACE(shell);
    const std::string script = completion_script(*app, shell);
    const bool fish = std::string_view(shell) == "fish";
    for (const CLI::App* command : app->get_subcommands(nullptr)) {
      EXPECT_THAT(script, HasSubstr("/" + command->get_name()));
      for (const CLI::Option* option : command->get_options()) {
        for (const std::string& name : option->get_lnames()) {
          EXPECT_THAT(script, HasSubstr((fish ? "-l " : "--") + name));
        }
      }
    }
    for (const char* choice : {"least-loaded", "best-fit", "undrain"}) {
      EXPECT_THAT(script, HasSubstr(choice));
    }
  }
}

}  // namespace
}  // namespace berth::cli
