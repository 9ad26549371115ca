#include <array>

#include "net/api/v1/plans.h"
#include "net/api/v1/schema_fields.h"

namespace berth::net::v1 {
namespace {

using Kind = JsonKind;
using namespace schema_fields;

constexpr std::array<std::string_view, 6> kCauses = {
    "pending", "period", "worker_lost", "deadline", "refused", "freed"};
constexpr std::array<std::string_view, 4> kObjectives = {
    "slowdown", "deadlines", "makespan", "workers"};
constexpr std::array<std::string_view, 5> kOutcomes = {
    "applied", "late", "failed", "worse", "stale"};
constexpr std::array<std::string_view, 4> kPlannerStates = {"off", "idle", "working", "bypassed"};
constexpr std::array<std::string_view, 3> kJobStates = {"waiting", "started", "dropped"};
constexpr std::array<std::string_view, 3> kChanges = {"added", "kept", "moved"};

// ---- A plan -----------------------------------------------------------------------------------

constexpr std::array<JsonField, 4> kDiffFields = {{
    count("added", "Jobs that the plan before did not have"),
    count("kept", "Jobs that stay on their worker"),
    count("moved", "Jobs that go to another worker"),
    count("gone", "Jobs that only the plan before had"),
}};
constexpr JsonSchema kDiffSchema = {
    "PlanDiff", "What changed against the plan before.", kDiffFields};

constexpr std::array<JsonField, 23> kPlanFields = {{
    count("plan_id", "From 1 on in each life of a server"),
    count("previous_plan_id", "The plan that it began from; 0: none"),
    text_or_null("made_at", "When it was asked for"),
    word("cause", "Why it was made", kCauses),
    word("objective", "What it makes small", kObjectives),
    word("outcome", "What became of it", kOutcomes),
    text("engine", "What found it; empty: nothing ever came"),
    count("workers", "Workers that it could use"),
    count("running", "Jobs that held capacity"),
    count("pending", "Jobs that waited"),
    count("planned", "Of these, how many it has a start for"),
    count("started", "Of these, how many were assigned as planned by now"),
    object("diff", "Against the plan before", kDiffSchema),
    number_or_null("cost", "In what the objective counts"),
    number_or_null("greedy_cost", "Of the plan that greedy would have made"),
    number_or_null("bound", "No plan costs less"),
    number_or_null("gap", "(cost - bound) / cost"),
    truth("proved", "The objective's own term cannot be less"),
    {.name = "terms",
     .kind = Kind::Number,
     .about = "What the cost is made of",
     .required = true,
     .map = true},
    number("snapshot_s", "Seconds that the ledger took to hand over what is known"),
    number("elapsed_s", "Seconds that the planner took"),
    count("steps", "Of its engine"),
    text("note", "One sentence, when the outcome needs it"),
}};

constexpr std::array<JsonField, 12> kJobFields = {{
    count("job_id", "The job"),
    text("worker_id", "Where it is to run"),
    text_or_null("start_at", "When it is to start"),
    number("duration_s", "Seconds that it is expected to take"),
    word("state", "What has come of it", kJobStates),
    word("change", "Against the plan before", kChanges),
    text("previous_worker_id", "Where the plan before had it"),
    text_or_null("previous_start_at", "When the plan before had it start"),
    text_or_null("deadline_at", "When it has to have ended"),
    count("after_job_id", "Whose end makes room for it; 0: nobody's that is known"),
    text("why", "One sentence: why there, and why not before"),
    {.name = "gpus",
     .kind = Kind::Integer,
     .about = "The devices that it is to have",
     .required = true,
     .array = true},
}};
constexpr JsonSchema kJobSchema = {"PlannedJob", "A job in a plan.", kJobFields};

constexpr std::array<JsonField, 1> kJobs = {{
    objects("jobs", "In order of planned start; with `job`, that one alone", kJobSchema),
}};
constexpr auto kDetailsFields = joined(kPlanFields, kJobs);

// ---- Plans ------------------------------------------------------------------------------------

constexpr std::array<JsonField, 1> kItsJob = {{
    {.name = "jobs",
     .kind = Kind::Object,
     .about = "With `job`: that one",
     .array = true,
     .object = &kJobSchema},
}};
constexpr auto kSummaryFields = joined(kPlanFields, kItsJob);
constexpr JsonSchema kSummarySchema = {
    "PlanSummary",
    "What a plan was made for, what it costs, and what became of it.",
    kSummaryFields};

constexpr std::array<JsonField, 5> kPlannerFields = {{
    word("state", "bypassed: greedy alone, until it is tried again", kPlannerStates),
    text("reason", "Of bypassed, one sentence"),
    number("retry_in_s", "Of bypassed, seconds"),
    count("plans", "Applied, in this life of the server"),
    count("fallbacks", "Not applied: late, failed or worse"),
}};
constexpr JsonSchema kPlannerSchema = {
    "Planner", "Whether the planner is at work, and why not.", kPlannerFields};

constexpr std::array<JsonField, 3> kPageFields = {{
    objects("plans", "Newest first", kSummarySchema),
    object("planner", "How it is", kPlannerSchema),
    text_or_null("next_cursor", "The `cursor` of the next page; null: this is the last"),
}};

}  // namespace

const JsonSchema kPlanPageSchema = {"PlanPage", "The last plans.", kPageFields};
const JsonSchema kPlanDetailsSchema = {"Plan", "A plan and its jobs.", kDetailsFields};

}  // namespace berth::net::v1
