#pragma once

/// Mistakes that the simulation has to find: `if (BERTH_PLANTED(name))` stands where each would be
/// made. Only the sources of the program that tests the simulation are compiled with
/// BERTH_PLANTABLE; everywhere else the question is `false`, and nothing of it is left.
#ifdef BERTH_PLANTABLE

#include <cstdint>

namespace berth::core {

enum class Planted : uint8_t {
  Nothing,
  ReplyBeforeDurable,
  EpochNotCompared,
  NoFenceAfterRestart,
  CapacityNotReleased,
  RetryNotCounted,
  StaleCompletionAccepted,
  LostJobsNotRequeued,
  DependencyIgnored,
  AssignedAgainAfterReattach,
  AliveNotSaid,
  RequestIdForgottenAtRestart,
  TimerLostAtRestart,
  StartedBeforeAck,
  EndNotReplayed,
  UnkeptPromiseHolds,
};
inline Planted planted = Planted::Nothing;

}  // namespace berth::core

#define BERTH_PLANTED(name) (::berth::core::planted == ::berth::core::Planted::name)

#else

#define BERTH_PLANTED(name) false

#endif
