#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace berth::wire {

/// A number that means one kind of thing. Two kinds cannot be mixed up or compared.
template <typename Kind, typename Number>
struct Id {
  Number value = 0;

  friend auto operator<=>(const Id&, const Id&) = default;
};

/// One shard, the ledger or the gateway: whoever owns a loop and a mailbox.
using ShardId = Id<struct ShardKind, uint16_t>;

/// One TCP connection of this process: the loop that owns it, its slot there, and which use of
/// that slot. Packed, so that it travels through mailboxes as one word.
struct ConnectionId {
  uint64_t value = 0;

  static constexpr ConnectionId make(ShardId shard, uint32_t slot, uint32_t generation) {
    return {
        (uint64_t{shard.value} << 48) | (uint64_t{slot & 0xFFFFFFu} << 24) |
        (generation & 0xFFFFFFu)};
  }
  constexpr ShardId shard() const { return {static_cast<uint16_t>(value >> 48)}; }
  constexpr uint32_t slot() const { return (value >> 24) & 0xFFFFFFu; }
  constexpr uint32_t generation() const { return value & 0xFFFFFFu; }

  friend auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

/// Chosen by the client; a reply carries its request's. 0 marks a message the server starts.
using RequestId = Id<struct RequestKind, uint32_t>;

/// Capacity held for a task; never 0 for a real one.
using ReservationId = Id<struct ReservationKind, uint64_t>;

/// One job, or one element of an array: those of an array are numbered without a gap. Never 0 for a
/// real one, never used twice.
using JobId = Id<struct JobKind, uint64_t>;

/// One lease of one job: a fencing token.
///
/// `epoch` grows with every assignment that any server of this store makes: its high bits count the
/// starts of servers, so what a crash forgot never comes again. `attempt` is for people: which try
/// of the job this is, from 1. Written `JOB.ATTEMPT.EPOCH`.
struct AssignmentId {
  JobId job;
  uint64_t epoch = 0;
  uint32_t attempt = 0;

  friend auto operator<=>(const AssignmentId&, const AssignmentId&) = default;
};

}  // namespace berth::wire

template <typename Kind, typename Number>
struct std::hash<berth::wire::Id<Kind, Number>> {
  size_t operator()(berth::wire::Id<Kind, Number> id) const noexcept {
    return std::hash<Number>{}(id.value);
  }
};

template <>
struct std::hash<berth::wire::AssignmentId> {
  size_t operator()(const berth::wire::AssignmentId& id) const noexcept {
    return std::hash<uint64_t>{}(id.epoch);  // no two assignments share one
  }
};

template <>
struct std::hash<berth::wire::ConnectionId> {
  size_t operator()(berth::wire::ConnectionId id) const noexcept {
    return std::hash<uint64_t>{}(id.value);
  }
};
