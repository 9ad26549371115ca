#include <array>

#include "net/api/problem_schema.h"
#include "net/api/v1/jobs.h"
#include "net/api/v1/schema_fields.h"

// What the answers about jobs look like: the shapes of net/forms, for the document. The tests hold
// each answer against it.

namespace berth::net::v1 {
namespace {

using Kind = JsonKind;
using namespace schema_fields;

constexpr std::array<std::string_view, 8> kStates = {
    "PENDING", "ASSIGNED", "RUNNING", "LOST", "RETRYING", "COMPLETED", "FAILED", "ABORTED"};
constexpr std::array<std::string_view, 8> kErrors = {
    "exit", "signal", "oom", "timeout", "lost", "refused", "image", "aborted"};
constexpr std::array<std::string_view, 6> kHolds = {
    "none", "queue", "capacity", "schedule", "dependency", "backoff"};

// ---- A job ------------------------------------------------------------------------------------

constexpr std::array<JsonField, 2> kArrayFields = {{
    count("index", "Of this element, or of the first that is left"),
    count("count", "Elements that this row stands for"),
}};
constexpr JsonSchema kArraySchema = {"JobArray", "Where in an array it is.", kArrayFields};

constexpr std::array<JsonField, 4> kErrorFields = {{
    word("class", "What kind of failure", kErrors),
    text("message", "In words"),
    count_or_null("exit_code", "Of class exit"),
    count_or_null("signal", "That ended it"),
}};
constexpr JsonSchema kErrorSchema = {"JobError", "Why an attempt failed.", kErrorFields};

constexpr std::array<JsonField, 3> kUsageFields = {{
    number("cpu_s", "Processor seconds"),
    count("memory_peak_bytes", "The most memory at any time"),
    number("wall_s", "Seconds from start to end"),
}};
constexpr JsonSchema kUsageSchema = {"TaskUsage", "What a task used.", kUsageFields};

constexpr std::array<JsonField, 4> kStartFields = {{
    text("at", "RFC 3339, UTC: as likely earlier as later"),
    text("earliest", "In one case of ten it is earlier"),
    text("latest", "In one case of ten it is later"),
    truth("planned", "The planner means it to start at `at`; else it follows from the queue"),
}};
constexpr JsonSchema kStartSchema = {"EstimatedStart", "When a job will start.", kStartFields};

constexpr std::array<JsonField, 4> kRunFields = {{
    number("p10", "Seconds: in one case of ten it takes less"),
    number("p50", "Seconds: as likely less as more"),
    number("p90", "Seconds: in one case of ten it takes more"),
    count("runs_seen", "Of the same program, old ones counting less; 0: like other jobs"),
}};
constexpr JsonSchema kRunSchema = {"ExpectedRun", "How long a job will run.", kRunFields};

constexpr std::array<std::string_view, 3> kAdvices = {"none", "ask-less", "ask-more"};
constexpr std::array<JsonField, 2> kMemoryFields = {{
    count("p95_bytes", "19 of 20 runs of the same program used less"),
    word("advice", "Whether what it asks for is far off that", kAdvices),
}};
constexpr JsonSchema kMemorySchema = {
    "ExpectedMemory", "What runs of the same program used.", kMemoryFields};

constexpr std::array<JsonField, 27> kJobFields = {{
    count("job_id", "Its number"),
    text_or_null("name", "What people call it"),
    text_or_null("summary", "The beginning of its command, or its image"),
    text_or_null("queue", "The queue it is counted under"),
    text_or_null("tenant", "Who it is for"),
    {.name = "labels", .about = "Its labels", .required = true, .map = true},
    object_or_null("array", "Of an element of an array", kArraySchema),
    word("state", "What has become of it", kStates),
    count("priority", "Higher first"),
    count("attempt_count", "Attempts that were begun"),
    count("max_attempts", "Attempts that it may have"),
    text_or_null("submitted_at", "RFC 3339, UTC"),
    text_or_null("queued_at", "When it was last ready to run"),
    text_or_null("assigned_at", "When a worker was last chosen"),
    text_or_null("started_at", "When it was last started"),
    text_or_null("finished_at", "When it ended"),
    text_or_null("scheduled_at", "Not before"),
    text_or_null("deadline_at", "Among equal priority the earliest goes first"),
    object_or_null("last_error", "Of the last attempt that failed", kErrorSchema),
    text_or_null("worker_id", "Of the current or last assignment"),
    text_or_null("assignment_id", "JOB.ATTEMPT.EPOCH, the fencing token"),
    text_or_null("assignment_expires_at", "Unless it is renewed"),
    object_or_null("usage", "Of the current or last attempt", kUsageSchema),
    truth("unsatisfiable", "No worker that is known could ever run it"),
    object_or_null("estimated_start", "While it waits; null: not known", kStartSchema),
    object_or_null("expected_run_s", "Until it has ended; null: nothing is known", kRunSchema),
    object_or_null("expected_memory", "Until it has ended; null: nothing is known", kMemorySchema),
}};

// ---- Its attempts -----------------------------------------------------------------------------

constexpr std::array<JsonField, 5> kOutputFields = {{
    text("name", "stdout, stderr, or an artifact's path"),
    text_or_null("path", "On the worker"),
    count("bytes", "Of what was kept"),
    text_or_null("sha256", "Of what was kept"),
    truth("truncated", "It was cut at the limit"),
}};
constexpr JsonSchema kOutputSchema = {"OutputFile", "A file that an attempt left.", kOutputFields};

constexpr std::array<JsonField, 10> kAttemptFields = {{
    count("attempt", "From 1"),
    text_or_null("assignment_id", "JOB.ATTEMPT.EPOCH"),
    text_or_null("worker_id", "Where"),
    word("state", "Of the attempt", kStates),
    text_or_null("assigned_at", "RFC 3339, UTC"),
    text_or_null("started_at", "RFC 3339, UTC"),
    text_or_null("finished_at", "RFC 3339, UTC"),
    object_or_null("error", "How it failed", kErrorSchema),
    object_or_null("usage", "What it used", kUsageSchema),
    objects("outputs", "What it left", kOutputSchema),
}};
constexpr JsonSchema kAttemptSchema = {"JobAttempt", "One run of a job.", kAttemptFields};

constexpr std::array<JsonField, 1> kAttemptsFields = {{
    objects("attempts", "Oldest first; the last one may be under way", kAttemptSchema),
}};

constexpr auto kDetailsFields = joined(
    kJobFields,
    std::array<JsonField, 2>{
        object("spec", "The keys that make it", kJobInSchema),
        objects("attempts", "Oldest first; the last one may be under way", kAttemptSchema)});

// ---- What else is said ------------------------------------------------------------------------

constexpr JsonField kNextCursor =
    text_or_null("next_cursor", "Where the next page begins; null: this was the last");
constexpr std::array<JsonField, 2> kPageFields = {
    objects("jobs", "Newest first", kJobSchema), kNextCursor};

constexpr auto kExplanationFields = joined(
    kJobFields,
    std::array<JsonField, 5>{
        word("hold", "What it waits for", kHolds),
        number("hold_s", "Seconds, of schedule and backoff"),
        JsonField{
            .name = "dependencies",
            .kind = Kind::Integer,
            .about = "Jobs that have not COMPLETED",
            .required = true,
            .array = true},
        JsonField{
            .name = "avoided_workers",
            .about = "Workers it failed on",
            .required = true,
            .array = true},
        object("explanation", "Which requirement rules out whom", kExplanationSchema)});

constexpr std::array<JsonField, 5> kSubmittedJobFields = {{
    count("job_id", "Of the job, or of an array's first element"),
    count("count", "Elements; 1 for a job"),
    truth("unsatisfiable", "No worker that is known could ever run it"),
    {.name = "explanation",
     .kind = Kind::Object,
     .about = "Why not",
     .object = &kExplanationSchema},
    {.name = "expected_memory",
     .kind = Kind::Object,
     .about = "When something is known of it",
     .object = &kMemorySchema},
}};
constexpr JsonSchema kSubmittedJobSchema = {
    "SubmittedJob", "One job that was taken on.", kSubmittedJobFields};
constexpr std::array<JsonField, 2> kSubmittedFields = {{
    objects("jobs", "In the order of the body", kSubmittedJobSchema),
    truth("repeated", "This Idempotency-Key had been seen before"),
}};

constexpr std::array<JsonField, 3> kChangedFields = {{
    count("changed", "Jobs that were"),
    count("unchanged", "Jobs that were there already"),
    count("unknown", "Jobs that there are not"),
}};

constexpr std::array<JsonField, 5> kCountsFields = {{
    truth("done", "All have ended"),
    truth("timed_out", "The time was over before"),
    {.name = "states",
     .kind = Kind::Integer,
     .about = "Jobs by state",
     .required = true,
     .map = true},
    count("unknown", "Jobs that there are not"),
    count_or_null("first_failed", "The first that FAILED or was ABORTED"),
}};

}  // namespace

const JsonSchema kJobSchema = {"JobStatus", "What is known of a job.", kJobFields};
const JsonSchema kJobPageSchema = {"JobPage", "Jobs.", kPageFields};
const JsonSchema kJobDetailsSchema = {"JobDetails", "All about a job.", kDetailsFields};
const JsonSchema kJobExplanationSchema = {
    "JobExplanation", "Why a job is pending, or went where it is.", kExplanationFields};
const JsonSchema kAttemptsSchema = {"JobAttempts", "The runs of a job.", kAttemptsFields};
const JsonSchema kSubmittedSchema = {"JobsSubmitted", "What was taken on.", kSubmittedFields};
const JsonSchema kChangedSchema = {"JobsChanged", "How many were changed.", kChangedFields};
const JsonSchema kCountsSchema = {"JobCounts", "How far jobs are.", kCountsFields};

}  // namespace berth::net::v1
