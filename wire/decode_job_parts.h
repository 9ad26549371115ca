#pragma once

#include <cstddef>
#include <span>

#include "wire/job_messages.h"
#include "wire/reader.h"

/// One `read` for every table about jobs, as decode_parts.h has them. Private to wire/*.cc.
namespace berth::wire {

namespace fb {
struct Bytes;
struct JobSpec;
struct AssignmentId;
struct JobError;
struct TaskUsage;
struct OutputFile;
struct JobForecast;
struct SubmittedJob;
struct JobRow;
struct AttemptRow;
struct JobEvent;
struct ReportItem;
struct Assignment;
struct StopTask;
struct SubmitJobs;
struct ListJobs;
struct ShowJob;
struct ExplainJob;
struct ChangeJobs;
struct WaitJobs;
struct WatchJobs;
struct ReadLog;
struct BackUp;
struct AttachWorker;
struct NextJobs;
struct Report;
struct LogPiece;
struct JobsSubmitted;
struct JobPage;
struct JobDetails;
struct JobExplanation;
struct JobsChanged;
struct JobCounts;
struct JobEvents;
struct LogChunk;
struct Attached;
struct Assignments;
struct Reported;
struct StopTasks;
struct WantLog;
}  // namespace fb

void read(const fb::Bytes& from, Reader& reader, std::span<const std::byte>& to);
void read(const fb::JobSpec& from, Reader& reader, JobSpec& to);
void read(const fb::AssignmentId& from, Reader& reader, AssignmentId& to);
void read(const fb::JobError& from, Reader& reader, JobError& to);
void read(const fb::TaskUsage& from, Reader& reader, TaskUsage& to);
void read(const fb::OutputFile& from, Reader& reader, OutputFile& to);
void read(const fb::JobForecast& from, Reader& reader, JobForecast& to);
void read(const fb::SubmittedJob& from, Reader& reader, SubmittedJob& to);
void read(const fb::JobRow& from, Reader& reader, JobRow& to);
void read(const fb::AttemptRow& from, Reader& reader, AttemptRow& to);
void read(const fb::JobEvent& from, Reader& reader, JobEvent& to);
void read(const fb::ReportItem& from, Reader& reader, ReportItem& to);
void read(const fb::Assignment& from, Reader& reader, Assignment& to);
void read(const fb::StopTask& from, Reader& reader, StopTask& to);

void read(const fb::SubmitJobs& from, Reader& reader, SubmitJobs& to);
void read(const fb::ListJobs& from, Reader& reader, ListJobs& to);
void read(const fb::ShowJob& from, Reader& reader, ShowJob& to);
void read(const fb::ExplainJob& from, Reader& reader, ExplainJob& to);
void read(const fb::ChangeJobs& from, Reader& reader, ChangeJobs& to);
void read(const fb::WaitJobs& from, Reader& reader, WaitJobs& to);
void read(const fb::WatchJobs& from, Reader& reader, WatchJobs& to);
void read(const fb::ReadLog& from, Reader& reader, ReadLog& to);
void read(const fb::BackUp& from, Reader& reader, BackUp& to);
void read(const fb::AttachWorker& from, Reader& reader, AttachWorker& to);
void read(const fb::NextJobs& from, Reader& reader, NextJobs& to);
void read(const fb::Report& from, Reader& reader, Report& to);
void read(const fb::LogPiece& from, Reader& reader, LogPiece& to);

void read(const fb::JobsSubmitted& from, Reader& reader, JobsSubmitted& to);
void read(const fb::JobPage& from, Reader& reader, JobPage& to);
void read(const fb::JobDetails& from, Reader& reader, JobDetails& to);
void read(const fb::JobExplanation& from, Reader& reader, JobExplanation& to);
void read(const fb::JobsChanged& from, Reader& reader, JobsChanged& to);
void read(const fb::JobCounts& from, Reader& reader, JobCounts& to);
void read(const fb::JobEvents& from, Reader& reader, JobEvents& to);
void read(const fb::LogChunk& from, Reader& reader, LogChunk& to);
void read(const fb::Attached& from, Reader& reader, Attached& to);
void read(const fb::Assignments& from, Reader& reader, Assignments& to);
void read(const fb::Reported& from, Reader& reader, Reported& to);
void read(const fb::StopTasks& from, Reader& reader, StopTasks& to);
void read(const fb::WantLog& from, Reader& reader, WantLog& to);

}  // namespace berth::wire
