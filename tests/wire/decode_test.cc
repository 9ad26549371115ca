#include "wire/decode.h"

#include <functional>

#include <flatbuffers/flatbuffers.h>
#include <gtest/gtest.h>

#include "tests/wire/codec.h"
#include "tests/wire/describe.h"
#include "tests/wire/handmade.h"

namespace berth::wire {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::uoffset_t;

// Places in the schema, which never change. Written out so that the payloads below can be what no
// encoder of ours would make.
constexpr uint8_t kHello = 1;
constexpr uint8_t kHeartbeat = 3;
constexpr uint8_t kPlace = 4;
constexpr uint8_t kRelease = 5;
constexpr uint8_t kWorkerEvent = 23;
constexpr uint8_t kLastKind = 53;

TEST(Decode, KnowsItsKindsAndTheirDirection) {
  const auto empty_table = [](FlatBufferBuilder& b) {
    return table(b, {});
  };
  const auto no_table = [](FlatBufferBuilder&) {
    return uoffset_t{0};
  };
  struct Case {
    const char* name;
    std::vector<std::byte> payload;
    DecodeStatus as_request;
    DecodeStatus as_reply;
  };
  const Case cases[] = {
      {"a request", payload(kHello, empty_table), DecodeStatus::Ok, DecodeStatus::WrongDirection},
      {"a reply",
       payload(kWorkerEvent, empty_table),
       DecodeStatus::WrongDirection,
       DecodeStatus::Ok},
      {"the kind that means none",
       payload(0, empty_table),
       DecodeStatus::UnknownKind,
       DecodeStatus::UnknownKind},
      {"the first kind of a later version",
       payload(kLastKind + 1, empty_table),
       DecodeStatus::UnknownKind,
       DecodeStatus::UnknownKind},
      {"the last kind there can be",
       payload(255, empty_table),
       DecodeStatus::UnknownKind,
       DecodeStatus::UnknownKind},
      {"a known kind without a body",
       payload(kHello, no_table),
       DecodeStatus::UnknownKind,
       DecodeStatus::UnknownKind},
      {"nothing at all",
       payload(0, no_table),
       DecodeStatus::UnknownKind,
       DecodeStatus::UnknownKind},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(decode<Request>(c.payload), c.as_request);
    EXPECT_EQ(decode<Reply>(c.payload), c.as_reply);
  }
}

TEST(Decode, RefusesWhatTheVerifierRefuses) {
  const std::vector<std::byte> ping = encoded(Request(Ping{7}));
  std::vector<std::byte> far_root = ping;
  far_root[0] = std::byte{0xF0};
  std::vector<std::byte> no_root = ping;
  no_root[0] = std::byte{0};
  struct Case {
    const char* name;
    std::vector<std::byte> payload;
  };
  const Case cases[] = {
      {"no bytes", {}},
      {"four bytes", std::vector<std::byte>(4)},
      {"zeros", std::vector<std::byte>(64)},
      {"ones", std::vector<std::byte>(64, std::byte{0xFF})},
      {"text", std::vector<std::byte>(64, std::byte{'G'})},
      {"a root beyond the end", far_root},
      {"a root that points to itself", no_root},
      {"half of it", {ping.begin(), ping.begin() + ping.size() / 2 / 8 * 8}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(decode<Request>(c.payload), DecodeStatus::Unverifiable);
    EXPECT_EQ(decode<Reply>(c.payload), DecodeStatus::Unverifiable);
  }
}

TEST(Decode, RefusesABufferThatIsNotAligned) {
  const std::vector<std::byte> ping = encoded(Request(Ping{7}));
  std::vector<std::byte> buffer(ping.size() + 8);
  Aligned aligned(buffer);
  Decoder decoder;
  Request request;
  for (size_t shift = 0; shift < 8; ++shift) {
    std::memcpy(aligned.bytes().data() + shift, ping.data(), ping.size());
    const DecodeStatus expected = shift == 0 ? DecodeStatus::Ok : DecodeStatus::Unverifiable;
    EXPECT_EQ(decoder.decode(aligned.bytes().subspan(shift, ping.size()), request), expected);
  }
}

TEST(Decode, RefusesEnumeratorsItDoesNotKnow) {
  const Request requests[] = {
      Hello{.role = static_cast<Role>(2)},
      Place{.policy = static_cast<Policy>(kPolicyCount)},
      Place{.policy = static_cast<Policy>(255)},
      SetWorker{.action = static_cast<WorkerAction>(4)},
  };
  for (const Request& request : requests) {
    EXPECT_EQ(decode<Request>(encoded(request)), DecodeStatus::BadEnum) << describe(request);
  }
  const WorkerRow row = {.status = static_cast<WorkerStatus>(3)};
  const Reply replies[] = {
      Refused{.code = static_cast<Refusal>(10)},
      HeartbeatReply{.code = static_cast<Refusal>(10)},
      Unplaced{.reason = static_cast<NoPlace>(4)},
      WorkerEvent{.change = static_cast<WorkerChange>(9)},
      WorkerPage{.rows = {&row, 1}},
  };
  for (const Reply& reply : replies) {
    EXPECT_EQ(decode<Reply>(encoded(reply)), DecodeStatus::BadEnum) << describe(reply);
  }
}

TEST(Decode, HandsOverNumbersThatMakeNoSenseAsTheyAre) {
  const Heartbeat beat = {
      .worker = "w",
      .capacity = {.slots = -1, .cpu_milli = std::numeric_limits<int64_t>::min()},
      .current_tasks = -7,
      .usage = {.cpu_milli = std::numeric_limits<double>::quiet_NaN()}};
  Aligned bytes(encoded(Request(beat)));
  Decoder decoder;
  Request request;
  ASSERT_EQ(decoder.decode(bytes.bytes(), request), DecodeStatus::Ok);
  EXPECT_EQ(describe(request), describe(Request(beat)));
}

// A list element that points to itself is an empty string to FlatBuffers, and has to be one here.
TEST(Decode, ReadsAnElementThatPointsToItselfAsEmpty) {
  const std::vector<std::byte> bytes = payload(kRelease, [](FlatBufferBuilder& b) {
    b.PushElement<uint64_t>(0);  // comes after the list: the terminator of that string
    b.StartVector(1, sizeof(uoffset_t));
    b.PushElement<uoffset_t>(0);
    return table(b, {{1, b.EndVector(1)}});
  });
  Aligned aligned(bytes);
  Decoder decoder;
  Request request;
  ASSERT_EQ(decoder.decode(aligned.bytes(), request), DecodeStatus::Ok);
  ASSERT_EQ(std::get<Release>(request).tasks.size(), 1u);
  EXPECT_EQ(std::get<Release>(request).tasks[0], "");
}

// Bug of the verifier of FlatBuffers 2.0.8: it checks the alignment of a list's length only.
TEST(Decode, RefusesNumbersThatAreNotAligned) {
  int refused = 0;
  for (const size_t shift : {0, 1}) {
    const std::vector<std::byte> bytes = payload(kRelease, [&](FlatBufferBuilder& b) {
      b.PushElement<uint64_t>(0);  // makes the whole payload 8-byte aligned
      if (shift != 0) b.PushElement<uint32_t>(0);
      b.StartVector(4, sizeof(uint32_t));
      for (uint32_t i = 0; i < 4; ++i)
        b.PushElement<uint32_t>(i);
      return table(b, {{0, b.EndVector(2)}});
    });
    const DecodeStatus status = decode<Request>(bytes);
    refused += status == DecodeStatus::Unverifiable ? 1 : 0;
    EXPECT_TRUE(status == DecodeStatus::Unverifiable || status == DecodeStatus::Ok);
  }
  EXPECT_EQ(refused, 1) << "one of the two is 4 bytes off";
}

// Builders align no list that is empty, and some peers write empty lists instead of none.
TEST(Decode, TakesAnEmptyListOfNumbersWhereverItLies) {
  for (const size_t shift : {0, 1}) {
    const std::vector<std::byte> bytes = payload(kRelease, [&](FlatBufferBuilder& b) {
      b.PushElement<uint64_t>(0);
      if (shift != 0) b.PushElement<uint32_t>(0);
      return table(b, {{0, b.CreateVector(std::vector<uint64_t>()).o}});
    });
    EXPECT_EQ(decode<Request>(bytes), DecodeStatus::Ok);
  }
}

// A small frame must not be able to ask for much work or room by listing the same bytes often.
TEST(Decode, RefusesListsThatShareTheirBytes) {
  constexpr size_t kCount = 10'000;
  const auto share = [](FlatBufferBuilder& b) {
    return list(b, kCount, b.CreateString("x").o);
  };
  const std::vector<std::byte> once = payload(kRelease, [&](FlatBufferBuilder& b) {
    return table(b, {{1, share(b)}});
  });
  EXPECT_EQ(decode<Request>(once), DecodeStatus::Ok) << "one string in one long list is fair";

  const std::vector<std::byte> twice = payload(kHeartbeat, [&](FlatBufferBuilder& b) {
    const uoffset_t strings = share(b);
    return table(b, {{5, strings}, {11, strings}});
  });
  EXPECT_EQ(decode<Request>(twice), DecodeStatus::Unverifiable);

  const std::vector<std::byte> seven_times = payload(kPlace, [&](FlatBufferBuilder& b) {
    const uoffset_t strings = share(b);
    const uoffset_t requirements =
        table(b, {{0, strings}, {1, strings}, {3, strings}, {7, strings}});
    return table(b, {{3, requirements}});
  });
  EXPECT_EQ(decode<Request>(seven_times), DecodeStatus::Unverifiable);
}

// Numbers may be smaller than the four bytes that bound the elements of other lists.
TEST(Decode, TakesAPayloadThatIsMostlySmallNumbers) {
  const std::vector<uint16_t> gpus(500, 7);
  EXPECT_EQ(decode<Reply>(encoded(Reply(Placed{.gpus = gpus}))), DecodeStatus::Ok);
}

TEST(Decode, BoundsTheTablesOfAKind) {
  const auto labels = [](size_t count) {
    return payload(kHeartbeat, [=](FlatBufferBuilder& b) {
      return table(b, {{6, list(b, count, table(b, {}))}});
    });
  };
  EXPECT_EQ(decode<Request>(labels(4'095)), DecodeStatus::Ok);
  EXPECT_EQ(decode<Request>(labels(4'096)), DecodeStatus::Unverifiable);
  EXPECT_EQ(decode<Request>(labels(200'000)), DecodeStatus::Unverifiable);
}

TEST(Decode, RefusesGroupsThatDoNotAddUp) {
  const auto groups = [](size_t strings, std::vector<uint32_t> sizes) {
    return payload(kPlace, [=](FlatBufferBuilder& b) {
      const uoffset_t texts = list(b, strings, b.CreateString("t").o);
      const uoffset_t numbers = b.CreateVector(sizes).o;
      return table(b, {{3, table(b, {{1, texts}, {2, numbers}})}});
    });
  };
  struct Case {
    const char* name;
    std::vector<std::byte> payload;
    DecodeStatus status;
  };
  const Case cases[] = {
      {"all used", groups(3, {1, 2}), DecodeStatus::Ok},
      {"an empty group", groups(3, {0, 3}), DecodeStatus::Ok},
      {"none", groups(0, {}), DecodeStatus::Ok},
      {"one string left", groups(3, {1, 1}), DecodeStatus::Unverifiable},
      {"one string too few", groups(3, {1, 3}), DecodeStatus::Unverifiable},
      {"strings without groups", groups(3, {}), DecodeStatus::Unverifiable},
      {"sizes that overflow when added", groups(3, {0xFFFFFFFF, 4}), DecodeStatus::Unverifiable},
  };
  for (const Case& c : cases)
    EXPECT_EQ(decode<Request>(c.payload), c.status) << c.name;
}

TEST(Decode, KeepsEarlierListsWhenAMessageOutgrowsTheScratch) {
  std::vector<Text> tags(3'000, "some-tag");
  std::vector<Text> tasks(2'000, "some-task");
  const Request sent = Heartbeat{.worker = "w", .tags = tags, .running_tasks = tasks};
  Aligned bytes(encoded(sent));
  Decoder decoder;
  for (int round = 0; round < 3; ++round) {
    Request received;
    ASSERT_EQ(decoder.decode(bytes.bytes(), received), DecodeStatus::Ok);
    EXPECT_EQ(describe(received), describe(sent));
  }
}

TEST(Decode, GoesOnAfterEveryFailure) {
  Decoder decoder;
  Request request;
  Aligned good(encoded(Request(Ping{7})));
  Aligned bad_enum(encoded(Request(Place{.policy = static_cast<Policy>(99)})));
  Aligned garbage(std::vector<std::byte>(64, std::byte{0xFF}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(decoder.decode(bad_enum.bytes(), request), DecodeStatus::BadEnum);
    EXPECT_EQ(decoder.decode(garbage.bytes(), request), DecodeStatus::Unverifiable);
    EXPECT_EQ(decoder.decode(good.bytes(), request), DecodeStatus::Ok);
    EXPECT_EQ(std::get<Ping>(request).payload, 7u);
  }
}

}  // namespace
}  // namespace berth::wire
