-- What became of requests at the online CA, and secrets of parameters.

-- A request is queued until it is sent; sent is written before anything goes
-- out, and taken with the CA's own number before its certificate is fetched.
-- The other states are ends. Who works on a row counts the attempt up and
-- moves due_at to the time at which others may take it for abandoned, so that
-- two processes do not send the same request.
CREATE TABLE online_requests (
    request_id     INTEGER PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
    state          TEXT    NOT NULL CHECK (state = 'queued' OR state = 'sent' OR state = 'taken' OR state = 'issued' OR state = 'denied' OR state = 'unfit' OR state = 'unreachable' OR state = 'unknown' OR state = 'withdrawn' OR state = 'late'),
    attempt        INTEGER NOT NULL DEFAULT 0,
    due_at         INTEGER NOT NULL,
    give_up_at     INTEGER NOT NULL DEFAULT 0,
    sent_at        INTEGER NOT NULL DEFAULT 0,
    looks          INTEGER NOT NULL DEFAULT 0,
    ca             TEXT    NOT NULL DEFAULT '',
    ca_request     TEXT    NOT NULL DEFAULT '',
    code           TEXT    NOT NULL DEFAULT '',
    words          TEXT    NOT NULL DEFAULT '',
    advice         TEXT    NOT NULL DEFAULT '',
    note           TEXT    NOT NULL DEFAULT '',
    certificate    BLOB
) STRICT;

CREATE INDEX online_requests_due ON online_requests (due_at) WHERE state = 'queued' OR state = 'sent' OR state = 'taken';

-- Certificates between an LSC and capf-trust that the CA sent along. They are
-- not trusted, but without them a phone's LSC would not lead to capf-trust.
CREATE TABLE online_issuers (
    fingerprint    BLOB    PRIMARY KEY,
    added_at       INTEGER NOT NULL,
    certificate    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Parameters that are secret, sealed under the master key.
CREATE TABLE secrets (
    name           TEXT    PRIMARY KEY,
    set_at         INTEGER NOT NULL,
    sealed         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
