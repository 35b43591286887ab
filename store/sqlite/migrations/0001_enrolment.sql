-- Devices, requests, LSCs, trust, parameters and events.
--
-- Times are milliseconds since 1970 UTC, 0 when not set. Blobs stand last in a
-- row, so that a question about the other columns need not read them. The
-- AUTOINCREMENT keeps the id of a deleted row from being used again: a phone's
-- session may still hold it. A CHECK with IN and more than two values would
-- build a temporary table each time; so they are written with OR and, for the
-- many statuses, as a search in a text.

CREATE TABLE devices (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL COLLATE NOCASE UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    description    TEXT    NOT NULL DEFAULT '',
    model          TEXT    NOT NULL DEFAULT '',
    pool           TEXT    NOT NULL DEFAULT '',
    security_mode  TEXT    NOT NULL CHECK (security_mode = 'nonsecure' OR security_mode = 'authenticated' OR security_mode = 'encrypted'),
    ip_mode        TEXT    NOT NULL CHECK (ip_mode = 'two-stack' OR ip_mode = 'ipv4' OR ip_mode = 'ipv6'),
    operation      TEXT    NOT NULL CHECK (operation = 'none' OR operation = 'install' OR operation = 'delete' OR operation = 'troubleshoot'),
    auth_mode      TEXT    NOT NULL CHECK (auth_mode = 'auth-string' OR auth_mode = 'null-string' OR auth_mode = 'lsc' OR auth_mode = 'mic'),
    key_order      TEXT    NOT NULL CHECK (key_order = 'rsa' OR key_order = 'ec' OR key_order = 'ec-preferred'),
    rsa_bits       INTEGER NOT NULL,
    ec_bits        INTEGER NOT NULL,
    completes_by   INTEGER NOT NULL DEFAULT 0,
    status         TEXT    NOT NULL CHECK (instr(status, ' ') = 0 AND instr(
        ' none pending upgrade-success upgrade-failed upgrade-failed-invalid-lsc' ||
        ' upgrade-failed-invalid-authentication-string upgrade-failed-invalid-mic' ||
        ' upgrade-failed-invalid-credentials upgrade-failed-phone-communication-failure' ||
        ' upgrade-failed-key-generation-failed upgrade-failed-ca-communication-failure' ||
        ' upgrade-failed-ca-rejected-connection upgrade-failed-late' ||
        ' upgrade-failed-no-ec-support delete-success delete-failed delete-failed-invalid-lsc' ||
        ' delete-failed-invalid-authentication-string delete-failed-invalid-mic' ||
        ' delete-failed-invalid-credentials delete-failed-phone-communication-failure' ||
        ' delete-failed-key-generation-failed delete-failed-ca-communication-failure' ||
        ' delete-failed-ca-rejected-connection delete-failed-late troubleshoot-success' ||
        ' troubleshoot-failed troubleshoot-failed-invalid-lsc' ||
        ' troubleshoot-failed-invalid-authentication-string troubleshoot-failed-invalid-mic' ||
        ' troubleshoot-failed-invalid-credentials' ||
        ' troubleshoot-failed-phone-communication-failure' ||
        ' troubleshoot-failed-key-generation-failed troubleshoot-failed-late ', ' ' || status || ' ') > 0),
    schedule       INTEGER NOT NULL DEFAULT 0,
    wrong_strings  INTEGER NOT NULL DEFAULT 0 CHECK (wrong_strings >= 0),
    locked_until   INTEGER NOT NULL DEFAULT 0,
    no_possession  INTEGER NOT NULL DEFAULT 0 CHECK (no_possession IN (0, 1)),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    sealed_string  BLOB
) STRICT;

CREATE INDEX devices_pool      ON devices (pool, name);
CREATE INDEX devices_model     ON devices (model, name);
CREATE INDEX devices_scheduled ON devices (operation, name) WHERE operation <> 'none';
CREATE INDEX devices_failed    ON devices (name) WHERE instr(status, '-failed') > 0;

CREATE TABLE device_certificates (
    device_id      INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    kind           TEXT    NOT NULL CHECK (kind IN ('lsc', 'mic')),
    seen_at        INTEGER NOT NULL,
    certificate    BLOB    NOT NULL,
    PRIMARY KEY (device_id, kind)
) STRICT;

CREATE TABLE requests (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id      INTEGER REFERENCES devices (id) ON DELETE SET NULL,
    device         TEXT    NOT NULL COLLATE NOCASE,
    created_at     INTEGER NOT NULL,
    schedule       INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state = 'pending' OR state = 'issued' OR state = 'superseded' OR state = 'rejected'),
    issuer         TEXT    NOT NULL CHECK (issuer = 'capf' OR issuer = 'online-ca' OR issuer = 'offline-ca'),
    key_kind       TEXT    NOT NULL,
    possessed      INTEGER NOT NULL CHECK (possessed IN (0, 1)),
    reason         TEXT    NOT NULL DEFAULT '',
    address        TEXT    NOT NULL DEFAULT '',
    key_hash       BLOB    NOT NULL,
    public_key     BLOB    NOT NULL,
    csr            BLOB
) STRICT;

CREATE INDEX requests_device_id ON requests (device_id);
CREATE INDEX requests_left      ON requests (device) WHERE device_id IS NULL;
CREATE INDEX requests_created   ON requests (created_at);
CREATE INDEX requests_pending   ON requests (created_at) WHERE state = 'pending';

CREATE TABLE lscs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id     INTEGER NOT NULL UNIQUE REFERENCES requests (id),
    device_id      INTEGER REFERENCES devices (id) ON DELETE SET NULL,
    device         TEXT    NOT NULL COLLATE NOCASE,
    serial         TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    issuer         TEXT    NOT NULL,
    key_kind       TEXT    NOT NULL,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state = 'issued' OR state = 'installed' OR state = 'replaced' OR state = 'deleted' OR state = 'stale'),
    issued_at      INTEGER NOT NULL,
    installed_at   INTEGER NOT NULL DEFAULT 0,
    ended_at       INTEGER NOT NULL DEFAULT 0,
    fingerprint    BLOB    NOT NULL,
    certificate    BLOB    NOT NULL,
    UNIQUE (serial, issuer)
) STRICT;

CREATE INDEX        lscs_device_id ON lscs (device_id);
CREATE INDEX        lscs_left      ON lscs (device) WHERE device_id IS NULL;
CREATE INDEX        lscs_not_after ON lscs (not_after);
CREATE INDEX        lscs_stale     ON lscs (id) WHERE state = 'stale';
CREATE UNIQUE INDEX lscs_installed ON lscs (device_id) WHERE state = 'installed';

CREATE TABLE trust_certificates (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose        TEXT    NOT NULL CHECK (purpose IN ('capf-trust', 'callmanager-trust')),
    subject        TEXT    NOT NULL,
    issuer         TEXT    NOT NULL,
    serial         TEXT    NOT NULL,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    description    TEXT    NOT NULL DEFAULT '',
    foreign_capf   INTEGER NOT NULL DEFAULT 0 CHECK (foreign_capf IN (0, 1)),
    added_at       INTEGER NOT NULL,
    fingerprint    BLOB    NOT NULL,
    certificate    BLOB    NOT NULL,
    UNIQUE (purpose, fingerprint)
) STRICT;

-- There is one identity: its key and, leaf first, its chain.
CREATE TABLE identity (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    created_at     INTEGER NOT NULL,
    sealed_key     BLOB    NOT NULL
) STRICT;

CREATE TABLE identity_chain (
    position       INTEGER PRIMARY KEY,
    certificate    BLOB    NOT NULL
) STRICT;

-- A constant sealed under the master key, by which a wrong one is noticed.
CREATE TABLE key_check (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    sealed         BLOB    NOT NULL
) STRICT;

CREATE TABLE parameters (
    name           TEXT    NOT NULL PRIMARY KEY,
    value          TEXT    NOT NULL
) STRICT;

CREATE TABLE services (
    name           TEXT    NOT NULL PRIMARY KEY,
    active         INTEGER NOT NULL CHECK (active IN (0, 1)),
    restarts       INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO services (name, active) VALUES ('capf', 1), ('enrollment', 0);

-- The running serve processes, as they report themselves.
CREATE TABLE servers (
    host           TEXT    NOT NULL,
    pid            INTEGER NOT NULL,
    version        TEXT    NOT NULL,
    addresses      TEXT    NOT NULL, -- separated by spaces
    since          INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    sessions       INTEGER NOT NULL,
    restarts       INTEGER NOT NULL,
    PRIMARY KEY (host, pid)
) STRICT;

-- Events are only ever added.
CREATE TABLE events (
    id             INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    actor_kind     TEXT    NOT NULL CHECK (actor_kind = 'operator' OR actor_kind = 'phone' OR actor_kind = 'system'),
    actor_name     TEXT    NOT NULL,
    address        TEXT    NOT NULL,
    terminal       TEXT    NOT NULL,
    command        TEXT    NOT NULL,
    device         TEXT    NOT NULL COLLATE NOCASE,
    action         TEXT    NOT NULL CHECK (action <> ''),
    step           TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,
    detail         TEXT    NOT NULL
) STRICT;

CREATE INDEX events_at     ON events (at);
CREATE INDEX events_device ON events (device, at) WHERE device <> '';

CREATE TRIGGER events_stay BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are only ever added');
END;

CREATE TRIGGER events_remain BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are only ever added');
END;
