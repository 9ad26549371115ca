#pragma once

#include <cstddef>
#include <span>

#include "wire/encode_parts.h"
#include "wire/job_messages.h"

/// One `write` for every table about jobs, as encode_parts.h has them. Private to wire/*.cc.
namespace berth::wire {

namespace fb {
struct Bytes;
struct JobSpec;
struct AssignmentId;
struct JobRange;
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

fb::AssignmentId to_wire(const AssignmentId& id);
fb::JobRange to_wire(const JobRange& range);

Written<fb::Bytes> write(Writer& writer, std::span<const std::byte> buffer);
Written<fb::JobSpec> write(Writer& writer, const JobSpec& spec);
Written<fb::JobError> write(Writer& writer, const JobError& error);
Written<fb::TaskUsage> write(Writer& writer, const TaskUsage& usage);
Written<fb::OutputFile> write(Writer& writer, const OutputFile& file);
Written<fb::JobForecast> write(Writer& writer, const JobForecast& forecast);
Written<fb::SubmittedJob> write(Writer& writer, const SubmittedJob& job);
Written<fb::JobRow> write(Writer& writer, const JobRow& row);
Written<fb::AttemptRow> write(Writer& writer, const AttemptRow& row);
Written<fb::JobEvent> write(Writer& writer, const JobEvent& event);
Written<fb::ReportItem> write(Writer& writer, const ReportItem& item);
Written<fb::Assignment> write(Writer& writer, const Assignment& assignment);
Written<fb::StopTask> write(Writer& writer, const StopTask& stop);

Written<fb::SubmitJobs> write(Writer& writer, const SubmitJobs& message);
Written<fb::ListJobs> write(Writer& writer, const ListJobs& message);
Written<fb::ShowJob> write(Writer& writer, const ShowJob& message);
Written<fb::ExplainJob> write(Writer& writer, const ExplainJob& message);
Written<fb::ChangeJobs> write(Writer& writer, const ChangeJobs& message);
Written<fb::WaitJobs> write(Writer& writer, const WaitJobs& message);
Written<fb::WatchJobs> write(Writer& writer, const WatchJobs& message);
Written<fb::ReadLog> write(Writer& writer, const ReadLog& message);
Written<fb::BackUp> write(Writer& writer, const BackUp& message);
Written<fb::AttachWorker> write(Writer& writer, const AttachWorker& message);
Written<fb::NextJobs> write(Writer& writer, const NextJobs& message);
Written<fb::Report> write(Writer& writer, const Report& message);
Written<fb::LogPiece> write(Writer& writer, const LogPiece& message);

Written<fb::JobsSubmitted> write(Writer& writer, const JobsSubmitted& message);
Written<fb::JobPage> write(Writer& writer, const JobPage& message);
Written<fb::JobDetails> write(Writer& writer, const JobDetails& message);
Written<fb::JobExplanation> write(Writer& writer, const JobExplanation& message);
Written<fb::JobsChanged> write(Writer& writer, const JobsChanged& message);
Written<fb::JobCounts> write(Writer& writer, const JobCounts& message);
Written<fb::JobEvents> write(Writer& writer, const JobEvents& message);
Written<fb::LogChunk> write(Writer& writer, const LogChunk& message);
Written<fb::Attached> write(Writer& writer, const Attached& message);
Written<fb::Assignments> write(Writer& writer, const Assignments& message);
Written<fb::Reported> write(Writer& writer, const Reported& message);
Written<fb::StopTasks> write(Writer& writer, const StopTasks& message);
Written<fb::WantLog> write(Writer& writer, const WantLog& message);

}  // namespace berth::wire
