-- Changes that wait until another operator approves them, those that were decided,
-- and those that went by without approval. What a change would do is written down in
-- words; the document is what it needs to be carried out, and is gone once nobody can
-- approve it any more.
CREATE TABLE proposals (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    subject      TEXT    NOT NULL CHECK (subject <> ''),
    action       TEXT    NOT NULL CHECK (action <> ''),
    effects      TEXT    NOT NULL,
    document     BLOB    NOT NULL,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected', 'expired', 'bypassed')),
    proposed_at  INTEGER NOT NULL,
    proposed_by  TEXT    NOT NULL,
    proposer     INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    command      TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL,
    decided_at   INTEGER NOT NULL DEFAULT 0,
    decided_by   TEXT    NOT NULL DEFAULT '',
    reason       TEXT    NOT NULL DEFAULT ''
) STRICT;
-- The same change waits once.
CREATE UNIQUE INDEX proposals_waiting ON proposals (digest) WHERE state = 'waiting';
CREATE INDEX proposals_bypassed ON proposals (decided_at) WHERE state = 'bypassed';
