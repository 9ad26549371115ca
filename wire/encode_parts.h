#pragma once

#include <flatbuffers/flatbuffers.h>

#include "wire/messages.h"
#include "wire/writer.h"

/// One `write` for every table of the schema. Private to wire/*.cc.
///
/// A part that holds nothing but defaults is written as no table at all.
namespace berth::wire {

namespace fb {
struct Label;
struct NamedAmount;
struct Capacity;
struct Demand;
struct Requirements;
struct Elimination;
struct Explanation;
struct GpuDevice;
struct WorkerRow;
struct Stat;
struct TagCount;
struct Hello;
struct Ping;
struct Heartbeat;
struct Place;
struct Release;
struct ListWorkers;
struct ShowWorker;
struct SetWorker;
struct GetStats;
struct ListTags;
struct Watch;
struct Welcome;
struct Refused;
struct Pong;
struct HeartbeatReply;
struct Placed;
struct Unplaced;
struct Released;
struct WorkerPage;
struct Done;
struct StatsReply;
struct TagPage;
struct WorkerEvent;
}  // namespace fb

template <typename Table>
using Written = flatbuffers::Offset<Table>;

Written<fb::Label> write(Writer& writer, const Label& message);
Written<fb::NamedAmount> write(Writer& writer, const NamedAmount& message);
Written<fb::Capacity> write(Writer& writer, const Capacity& message);
Written<fb::Demand> write(Writer& writer, const Demand& message);
Written<fb::Requirements> write(Writer& writer, const Requirements& message);
Written<fb::Elimination> write(Writer& writer, const Elimination& message);
Written<fb::Explanation> write(Writer& writer, const Explanation& message);
Written<fb::GpuDevice> write(Writer& writer, const GpuDevice& message);
Written<fb::WorkerRow> write(Writer& writer, const WorkerRow& message);
Written<fb::Stat> write(Writer& writer, const Stat& message);
Written<fb::TagCount> write(Writer& writer, const TagCount& message);

Written<fb::Hello> write(Writer& writer, const Hello& message);
Written<fb::Ping> write(Writer& writer, const Ping& message);
Written<fb::Heartbeat> write(Writer& writer, const Heartbeat& message);
Written<fb::Place> write(Writer& writer, const Place& message);
Written<fb::Release> write(Writer& writer, const Release& message);
Written<fb::ListWorkers> write(Writer& writer, const ListWorkers& message);
Written<fb::ShowWorker> write(Writer& writer, const ShowWorker& message);
Written<fb::SetWorker> write(Writer& writer, const SetWorker& message);
Written<fb::GetStats> write(Writer& writer, const GetStats& message);
Written<fb::ListTags> write(Writer& writer, const ListTags& message);
Written<fb::Watch> write(Writer& writer, const Watch& message);

Written<fb::Welcome> write(Writer& writer, const Welcome& message);
Written<fb::Refused> write(Writer& writer, const Refused& message);
Written<fb::Pong> write(Writer& writer, const Pong& message);
Written<fb::HeartbeatReply> write(Writer& writer, const HeartbeatReply& message);
Written<fb::Placed> write(Writer& writer, const Placed& message);
Written<fb::Unplaced> write(Writer& writer, const Unplaced& message);
Written<fb::Released> write(Writer& writer, const Released& message);
Written<fb::WorkerPage> write(Writer& writer, const WorkerPage& message);
Written<fb::Done> write(Writer& writer, const Done& message);
Written<fb::StatsReply> write(Writer& writer, const StatsReply& message);
Written<fb::TagPage> write(Writer& writer, const TagPage& message);
Written<fb::WorkerEvent> write(Writer& writer, const WorkerEvent& message);

}  // namespace berth::wire
