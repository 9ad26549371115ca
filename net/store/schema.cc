#include "net/store/schema.h"

#include <iterator>

namespace berth::net {
namespace {

// Step i leads from version i to i + 1. A step that has been released is never changed. `meta` is
// in the first one, with a row for each key.
constexpr const char* kSteps[] = {
    // Without checks and defaults: each one costs every row. spec is last, behind what is read
    // without it.
    R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('starts', 0), ('closed', 1);
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  array_of INTEGER, array_index INTEGER, count INTEGER,
  name TEXT, queue TEXT, tenant TEXT, labels TEXT, priority INTEGER, attempts_max INTEGER,
  submitted_at_ms INTEGER, scheduled_at_ms INTEGER, deadline_at_ms INTEGER,
  state TEXT, attempt_count INTEGER,
  queued_at_ms INTEGER, assigned_at_ms INTEGER, started_at_ms INTEGER, finished_at_ms INTEGER,
  ready_at_ms INTEGER,
  worker TEXT, epoch INTEGER, attempt INTEGER, expires_at_ms INTEGER, gpus TEXT,
  error TEXT, exit_code INTEGER, signal INTEGER, message TEXT,
  cpu_ms INTEGER, memory_peak_bytes INTEGER, wall_ms INTEGER,
  spec BLOB);
CREATE TABLE specs (id INTEGER PRIMARY KEY, last_id INTEGER, spec BLOB);
CREATE TABLE attempts (
  job INTEGER, epoch INTEGER, attempt INTEGER, worker TEXT, state TEXT,
  assigned_at_ms INTEGER, started_at_ms INTEGER, finished_at_ms INTEGER,
  error TEXT, exit_code INTEGER, signal INTEGER, message TEXT,
  cpu_ms INTEGER, memory_peak_bytes INTEGER, wall_ms INTEGER, outputs TEXT,
  PRIMARY KEY (job, epoch)) WITHOUT ROWID;
CREATE TABLE workers (
  worker TEXT PRIMARY KEY, nonce INTEGER, failures INTEGER, cooldown_until_ms INTEGER) WITHOUT ROWID;
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY, at_ms INTEGER, job INTEGER, count INTEGER, state TEXT,
  attempt INTEGER, worker TEXT, error TEXT, reason TEXT);
CREATE TABLE submits (id INTEGER PRIMARY KEY, at_ms INTEGER, jobs TEXT, request TEXT);
)",
    // What ended when, the one question that a long history makes slow. Appended to in the order of
    // time, it costs a job half a microsecond; an index of states or workers would cost two.
    R"(
CREATE INDEX jobs_finished ON jobs (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
)",
    // What jobs took, by groups of like ones; a row for each slot of the ledger's table, so that
    // there
    // are never more of them.
    R"(
CREATE TABLE experience (
  slot INTEGER PRIMARY KEY, key INTEGER,
  run_weight REAL, run_mean REAL, run_variance REAL,
  memory_weight REAL, memory_mean REAL, memory_variance REAL);
)",
    // What a submit asked for, so that its request id is not taken for a repetition with something
    // else. NULL, as in rows of before: not known.
    R"(
ALTER TABLE submits ADD COLUMN digest INTEGER;
)",
};
static_assert(std::size(kSteps) == kSchemaVersion);

bool apply_step(Database& database, int64_t version) {
  const std::string done = "PRAGMA user_version = " + std::to_string(version + 1);
  return database.execute("BEGIN IMMEDIATE") && database.execute(kSteps[version]) &&
         database.execute(done.c_str()) && database.execute("COMMIT");
}

}  // namespace

bool create_schema(Database& database) {
  const std::string ours = "PRAGMA application_id = " + std::to_string(kApplicationId);
  return database.execute(ours.c_str()) && migrate_schema(database, 0);
}

bool check_schema(Database& database, int64_t& version, std::string& problem) {
  int64_t application = 0;
  if (!database.ask("PRAGMA application_id", application) ||
      !database.ask("PRAGMA user_version", version)) {
    problem = "cannot be read: " + database.why();
    return false;
  }
  if (application != kApplicationId || version < 1) {
    problem = "is a database of another program; name another file";
    return false;
  }
  if (version > kSchemaVersion) {
    problem = "has schema version " + std::to_string(version) + ", and this program knows " +
              std::to_string(kSchemaVersion) +
              "; start the newer berthd that wrote it, or restore a backup from before it did";
    return false;
  }
  return true;
}

bool migrate_schema(Database& database, int64_t version) {
  for (; version < kSchemaVersion; ++version) {
    if (!apply_step(database, version)) return false;
  }
  return true;
}

}  // namespace berth::net
