#include "net/dispatcher.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "wire/frame.h"

namespace berth::net {
namespace {

/// Two shards' worth of mailboxes on one loop, and a dispatcher of shard 0.
class DispatcherTest : public testing::Test,
                       protected Dispatcher::Local,
                       protected Mailbox::Reader {
 protected:
  explicit DispatcherTest(size_t mailbox_bytes = Mailbox::kBytesMax)
      : own_((uv_loop_init(&loop_), &loop_), *this, mailbox_bytes),
        other_(&loop_, *this, mailbox_bytes),
        ledger_(&loop_, *this, mailbox_bytes),
        tables_(settings()) {
    post_ = {{&own_, &other_}, &ledger_, nullptr};
    dispatcher_ =
        std::make_unique<Dispatcher>(wire::ShardId{0}, tables_, identity_, post_, local());
  }

  ~DispatcherTest() override {
    own_.close();
    other_.close();
    ledger_.close();
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }

  static core::Settings settings() {
    core::Settings settings;
    settings.shards = 2;
    return settings;
  }
  Dispatcher::Local& local() { return *this; }

  // What the connections of shard 0 are told.
  void deliver(wire::ConnectionId, wire::RequestId id, const wire::Reply& message) override {
    delivered_.emplace_back(id.value, message.index());
    if (const auto* refused = std::get_if<wire::Refused>(&message)) refusal_ = refused->code;
    if (const auto* unplaced = std::get_if<wire::Unplaced>(&message)) no_place_ = unplaced->reason;
  }
  void deliver_frame(wire::ConnectionId, std::span<const std::byte>, Dispatcher::Answer) override {}
  void end(wire::ConnectionId) override {}
  void on_letter(Letter&& letter) override { letters_.push_back(std::move(letter)); }

  Dispatcher::Answer ask(uint32_t id, const wire::Request& request) {
    std::vector<std::byte> frame;
    encoder_.encode({id}, request, frame);
    const auto payload = std::span<const std::byte>(frame).subspan(wire::kFrameHeaderBytes);
    return dispatcher_->on_request({}, peer_, {id}, request, payload);
  }

  /// A worker that the other shard owns.
  std::string foreign_worker() {
    for (int i = 0;; ++i) {
      std::string worker = "w" + std::to_string(i);
      if (tables_.fleet.owner_of(worker) == wire::ShardId{1}) return worker;
    }
  }

  uv_loop_t loop_;
  Mailbox own_;
  Mailbox other_;
  Mailbox ledger_;
  Post post_;
  core::Tables tables_;
  core::ServerIdentity identity_;
  std::unique_ptr<Dispatcher> dispatcher_;
  wire::Encoder encoder_;
  const wire::ConnectionId peer_ = wire::ConnectionId::make({0}, 0, 0);
  std::vector<std::pair<uint32_t, size_t>> delivered_;
  wire::Refusal refusal_ = wire::Refusal::None;
  std::optional<wire::NoPlace> no_place_;
  std::vector<Letter> letters_;
};

TEST_F(DispatcherTest, WhatAnotherShardOwnsTravelsInOneLetterForEachTurn) {
  const std::string worker = foreign_worker();
  for (uint32_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(ask(i, wire::ShowWorker{worker}), Dispatcher::Answer::FromShard);
  }
  EXPECT_EQ(ask(101, wire::Ping{}), Dispatcher::Answer::Given);
  EXPECT_EQ(delivered_.size(), 1u);
  dispatcher_->on_turn_end();
  uv_run(&loop_, UV_RUN_NOWAIT);
  ASSERT_EQ(letters_.size(), 1u);
  std::vector<uint32_t> ids;
  for_each_record(
      std::get<RequestBatch>(letters_[0]).records,
      [&](wire::ConnectionId from, wire::RequestId id, std::span<const std::byte> payload) {
        EXPECT_EQ(from, peer_);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(payload.data()) % wire::kFrameAlignment, 0u);
        wire::Decoder decoder;
        wire::Request request;
        ASSERT_EQ(decoder.decode(payload, request), wire::DecodeStatus::Ok);
        EXPECT_EQ(std::get<wire::ShowWorker>(request).worker, worker);
        ids.push_back(id.value);
      });
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST_F(DispatcherTest, NobodyWaitsOnceTheServerDrains) {
  EXPECT_EQ(ask(1, wire::Place{.task = "a", .wait_ms = 1000}), Dispatcher::Answer::FromLedger);
  dispatcher_->on_drain();
  EXPECT_EQ(ask(2, wire::Place{.task = "b", .wait_ms = 1000}), Dispatcher::Answer::Given);
  EXPECT_EQ(refusal_, wire::Refusal::ShuttingDown);
}

class FullMailboxes : public DispatcherTest {
 protected:
  FullMailboxes() : DispatcherTest(0) {}
};

TEST_F(FullMailboxes, RefuseBeforeAnythingIsTakenOn) {
  EXPECT_EQ(ask(1, wire::ShowWorker{foreign_worker()}), Dispatcher::Answer::Given);
  EXPECT_EQ(refusal_, wire::Refusal::Busy);
  EXPECT_EQ(ask(2, wire::Place{.task = "t", .wait_ms = 1000}), Dispatcher::Answer::Given);
  EXPECT_EQ(no_place_, wire::NoPlace::QueueFull);
  dispatcher_->on_turn_end();
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_TRUE(letters_.empty());
}

TEST_F(FullMailboxes, StillTakeWhatWasAdmittedBefore) {
  for (int i = 0; i < 1000; ++i) {
    ReplyBatch batch;
    append_record(batch.records, peer_, {static_cast<uint32_t>(i)}, {});
    own_.post(std::move(batch));
  }
  while (letters_.size() < 1000)
    uv_run(&loop_, UV_RUN_ONCE);
  for (uint32_t i = 0; i < 1000; ++i) {
    for_each_record(
        std::get<ReplyBatch>(letters_[i]).records,
        [&](wire::ConnectionId, wire::RequestId id, std::span<const std::byte>) {
          EXPECT_EQ(id.value, i);
        });
  }
}

}  // namespace
}  // namespace berth::net
