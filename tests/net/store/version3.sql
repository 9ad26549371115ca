-- What schema versions 2 and 3 added to the store of version1.sql. Version 3 kept no digest of what
-- was asked for with a request id.
CREATE INDEX jobs_finished ON jobs (finished_at_ms) WHERE finished_at_ms IS NOT NULL;
CREATE TABLE experience (
  slot INTEGER PRIMARY KEY, key INTEGER,
  run_weight REAL, run_mean REAL, run_variance REAL,
  memory_weight REAL, memory_mean REAL, memory_variance REAL);
PRAGMA user_version = 3;
