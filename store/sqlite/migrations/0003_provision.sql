-- Templates, LDAP directories and jobs.
--
-- What a template sets, how a directory is reached, and what a job selects and
-- changes are documents whose words belong to package provision: the database
-- never asks for a part of them. Secrets stand beside them, sealed.

CREATE TABLE templates (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL COLLATE NOCASE UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    description    TEXT    NOT NULL DEFAULT '',
    settings       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    sealed_string  BLOB
) STRICT;

CREATE TABLE feature_groups (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL COLLATE NOCASE UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    description    TEXT    NOT NULL DEFAULT '',
    template_id    INTEGER NOT NULL REFERENCES templates (id),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX feature_groups_template ON feature_groups (template_id);

CREATE TABLE directories (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT    NOT NULL COLLATE NOCASE UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    settings         TEXT    NOT NULL,
    feature_group_id INTEGER REFERENCES feature_groups (id),
    first_sync_at    INTEGER NOT NULL DEFAULT 0,
    last_sync_at     INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    sealed_password  BLOB
) STRICT;

CREATE INDEX directories_group ON directories (feature_group_id);

-- The devices that a directory has named. A row outlives its device, so that
-- one which an operator has deleted is not made again.
CREATE TABLE directory_devices (
    directory_id   INTEGER NOT NULL REFERENCES directories (id) ON DELETE CASCADE,
    device         TEXT    NOT NULL COLLATE NOCASE,
    entry          TEXT    NOT NULL,
    added_at       INTEGER NOT NULL,
    missing_since  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (directory_id, device)
) STRICT, WITHOUT ROWID;

-- A job is waiting until its time, then running. It changes its devices in one
-- transaction, which sets updated_at; what remains after that are the commands
-- that apply the configuration, a device each. The owner is the process that
-- runs it, which shows that it lives by moving seen_at.
CREATE TABLE jobs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT    NOT NULL CHECK (kind = 'bulk-update' OR kind = 'renewal'),
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

CREATE INDEX jobs_open ON jobs (run_at) WHERE state = 'waiting' OR state = 'running';

CREATE TABLE job_devices (
    job_id         INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
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

CREATE INDEX        job_devices_due     ON job_devices (job_id, device) WHERE apply = 'due';
-- One command at a time for a device.
CREATE UNIQUE INDEX job_devices_running ON job_devices (device) WHERE apply = 'running';
