-- Jobs that delete and migrate devices.
CREATE TABLE jobs_new (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT    NOT NULL CHECK (kind = 'bulk-update' OR kind = 'renewal' OR kind = 'bulk-delete' OR kind = 'bulk-migrate'),
    state          TEXT    NOT NULL CHECK (state = 'waiting' OR state = 'running' OR state = 'done' OR state = 'partly' OR state = 'failed' OR state = 'cancelled'),
    run_at         INTEGER NOT NULL,
    selection      TEXT    NOT NULL,
    edit           TEXT    NOT NULL,
    apply_config   INTEGER NOT NULL CHECK (apply_config IN (0, 1)),
    actor_kind     TEXT    NOT NULL CHECK (actor_kind = 'operator' OR actor_kind = 'phone' OR actor_kind = 'system'),
    actor_name     TEXT    NOT NULL,
    address        TEXT    NOT NULL,
    terminal       TEXT    NOT NULL,
    command        TEXT    NOT NULL,
    owner          TEXT    NOT NULL DEFAULT '',
    seen_at        INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    started_at     INTEGER NOT NULL DEFAULT 0,
    updated_at     INTEGER NOT NULL DEFAULT 0,
    ended_at       INTEGER NOT NULL DEFAULT 0,
    cancel         INTEGER NOT NULL DEFAULT 0 CHECK (cancel IN (0, 1)),
    selected       INTEGER NOT NULL DEFAULT 0,
    changed        INTEGER NOT NULL DEFAULT 0,
    refused        INTEGER NOT NULL DEFAULT 0,
    detail         TEXT    NOT NULL DEFAULT '',
    sealed_string  BLOB
) STRICT;

CREATE TABLE job_devices_new (
    job_id         INTEGER NOT NULL REFERENCES jobs_new (id) ON DELETE CASCADE,
    device         TEXT    NOT NULL COLLATE NOCASE,
    change         TEXT    NOT NULL CHECK (change = 'changed' OR change = 'same' OR change = 'refused'),
    reason         TEXT    NOT NULL DEFAULT '',
    apply          TEXT    NOT NULL CHECK (apply = 'none' OR apply = 'due' OR apply = 'running' OR apply = 'done' OR apply = 'failed' OR apply = 'interrupted' OR apply = 'cancelled'),
    exit_code      INTEGER NOT NULL DEFAULT 0,
    output         TEXT    NOT NULL DEFAULT '',
    started_at     INTEGER NOT NULL DEFAULT 0,
    ended_at       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, device)
) STRICT, WITHOUT ROWID;

INSERT INTO jobs_new (id, kind, state, run_at, selection, edit, apply_config, actor_kind, actor_name, address, terminal, command, owner,
    seen_at, created_at, started_at, updated_at, ended_at, cancel, selected, changed, refused, detail, sealed_string)
    SELECT id, kind, state, run_at, selection, edit, apply_config, actor_kind, actor_name, address, terminal, command, owner,
    seen_at, created_at, started_at, updated_at, ended_at, cancel, selected, changed, refused, detail, sealed_string FROM jobs;
INSERT INTO job_devices_new (job_id, device, change, reason, apply, exit_code, output, started_at, ended_at)
    SELECT job_id, device, change, reason, apply, exit_code, output, started_at, ended_at FROM job_devices;

-- The ids go on where they were, also when the last ones have been deleted.
DELETE FROM sqlite_sequence WHERE name = 'jobs_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'jobs_new', seq FROM sqlite_sequence WHERE name = 'jobs';

-- The results go first, so that nothing is deleted with its job.
DROP TABLE job_devices;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
ALTER TABLE job_devices_new RENAME TO job_devices;

CREATE INDEX jobs_open     ON jobs (run_at)     WHERE state = 'waiting' OR state = 'running';
CREATE INDEX jobs_troubled ON jobs (ended_at)   WHERE state = 'partly' OR state = 'failed';
CREATE INDEX jobs_renewal  ON jobs (updated_at) WHERE kind = 'renewal';

CREATE INDEX        job_devices_due     ON job_devices (job_id, device) WHERE apply = 'due';
-- One command at a time for a device.
CREATE UNIQUE INDEX job_devices_running ON job_devices (device) WHERE apply = 'running';
