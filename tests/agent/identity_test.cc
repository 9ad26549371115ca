#include "agent/identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/tree.h"

namespace berth::agent {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST(Identity, KeepsItsIdAndGrowsItsEpochWhateverTheClockDoes) {
  Tree tree;
  std::string id;
  uint64_t epoch = 0;
  uint64_t nonce = 0;
  for (uint64_t wall_ns : {1'000u, 2'000u, 500u, 500u}) {
    Identity identity(tree.root() / "state", "", "host", /*random=*/wall_ns, wall_ns);
    ASSERT_EQ(identity.error(), "");
    if (id.empty()) id = identity.life().worker;
    EXPECT_EQ(identity.life().worker, id);
    EXPECT_GT(identity.life().epoch, epoch);
    epoch = identity.life().epoch;
    if (nonce == 0) nonce = identity.life().nonce;
    EXPECT_NE(nonce, 0u);
    EXPECT_EQ(identity.life().nonce, nonce);
  }
  EXPECT_THAT(id, MatchesRegex("host-[0-9a-z]+"));
  EXPECT_EQ(epoch, 2'002u);
  EXPECT_EQ(peek_id(tree.root() / "state", "", "host"), id);
}

TEST(Identity, TakesTheIdItIsGivenHoweverItIsSpelt) {
  for (const std::string& id :
       {std::string("w1"),
        std::string("../../etc/passwd"),
        std::string("a b/ü"),
        std::string(".."),
        std::string(128, '/')}) {
    Tree tree;
    Identity identity(tree.root() / "state", id, "host", 1, 1);
    EXPECT_EQ(identity.error(), "");
    EXPECT_EQ(identity.life().worker, id);
    size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(tree.root())) {
      EXPECT_EQ(entry.path().filename(), "state");
      ++entries;
    }
    EXPECT_EQ(entries, 1u) << "nothing is written outside the state directory";
  }
}

TEST(Identity, KeepsASecondProcessOfTheSameIdOut) {
  Tree tree;
  Identity first(tree.root(), "w1", "host", 1, 1);
  ASSERT_EQ(first.error(), "");
  Identity other(tree.root(), "w2", "host", 1, 1);
  EXPECT_EQ(other.error(), "") << "another id may share the directory";
  Identity second(tree.root(), "w1", "host", 1, 1);
  EXPECT_THAT(second.error(), StartsWith("another berth-agent runs as worker 'w1'"));
  EXPECT_THAT(second.error(), HasSubstr("--id or --state-dir"));
}

TEST(Identity, NamesTheRemedyWhereTheDirectoryCannotBeUsed) {
  Tree tree;
  tree.write("file", "in the way");
  Identity identity(tree.root() / "file" / "state", "w1", "host", 1, 1);
  EXPECT_THAT(identity.error(), HasSubstr((tree.root() / "file" / "state").string()));
  EXPECT_THAT(identity.error(), HasSubstr("Not a directory"));
  EXPECT_THAT(identity.error(), HasSubstr("--state-dir"));
}

TEST(Identity, StartsOverFromADamagedEpochFile) {
  Tree tree;
  tree.write("w1.epoch", "not a number");
  Identity identity(tree.root(), "w1", "host", 1, 77);
  EXPECT_EQ(identity.life().epoch, 77u);
}

TEST(WriteAtomically, ReplacesTheWholeFileAndLeavesNothingElse) {
  Tree tree;
  EXPECT_TRUE(write_atomically(tree.root() / "x", "a long first text\n"));
  EXPECT_TRUE(write_atomically(tree.root() / "x", "short\n"));
  std::ifstream file(tree.root() / "x");
  std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, "short\n");
  EXPECT_FALSE(std::filesystem::exists(tree.root() / "x.new"));
  EXPECT_FALSE(write_atomically(tree.root() / "absent" / "x", "text"));
}

}  // namespace
}  // namespace berth::agent
