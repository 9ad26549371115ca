#pragma once

#include "wire/messages.h"
#include "wire/reader.h"

/// One `read` for every table of the schema. Private to wire/*.cc.
///
/// Each fills a struct that still has its defaults, from a table that is verified.
namespace berth::wire {

namespace fb {
struct Label;
struct NamedAmount;
struct Usage;
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

void read(const fb::Label& from, Reader& reader, Label& to);
void read(const fb::NamedAmount& from, Reader& reader, NamedAmount& to);
void read(const fb::Usage& from, Reader& reader, Usage& to);
void read(const fb::Capacity& from, Reader& reader, Capacity& to);
void read(const fb::Demand& from, Reader& reader, Demand& to);
void read(const fb::Requirements& from, Reader& reader, Requirements& to);
void read(const fb::Elimination& from, Reader& reader, Elimination& to);
void read(const fb::Explanation& from, Reader& reader, Explanation& to);
void read(const fb::GpuDevice& from, Reader& reader, GpuDevice& to);
void read(const fb::WorkerRow& from, Reader& reader, WorkerRow& to);
void read(const fb::Stat& from, Reader& reader, Stat& to);
void read(const fb::TagCount& from, Reader& reader, TagCount& to);

void read(const fb::Hello& from, Reader& reader, Hello& to);
void read(const fb::Ping& from, Reader& reader, Ping& to);
void read(const fb::Heartbeat& from, Reader& reader, Heartbeat& to);
void read(const fb::Place& from, Reader& reader, Place& to);
void read(const fb::Release& from, Reader& reader, Release& to);
void read(const fb::ListWorkers& from, Reader& reader, ListWorkers& to);
void read(const fb::ShowWorker& from, Reader& reader, ShowWorker& to);
void read(const fb::SetWorker& from, Reader& reader, SetWorker& to);
void read(const fb::GetStats& from, Reader& reader, GetStats& to);
void read(const fb::ListTags& from, Reader& reader, ListTags& to);
void read(const fb::Watch& from, Reader& reader, Watch& to);

void read(const fb::Welcome& from, Reader& reader, Welcome& to);
void read(const fb::Refused& from, Reader& reader, Refused& to);
void read(const fb::Pong& from, Reader& reader, Pong& to);
void read(const fb::HeartbeatReply& from, Reader& reader, HeartbeatReply& to);
void read(const fb::Placed& from, Reader& reader, Placed& to);
void read(const fb::Unplaced& from, Reader& reader, Unplaced& to);
void read(const fb::Released& from, Reader& reader, Released& to);
void read(const fb::WorkerPage& from, Reader& reader, WorkerPage& to);
void read(const fb::Done& from, Reader& reader, Done& to);
void read(const fb::StatsReply& from, Reader& reader, StatsReply& to);
void read(const fb::TagPage& from, Reader& reader, TagPage& to);
void read(const fb::WorkerEvent& from, Reader& reader, WorkerEvent& to);

}  // namespace berth::wire
