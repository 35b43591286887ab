-- The sessions of phones that have been open for a while, as each running serve
-- writes them every few seconds, and which of them an operator wants to end. Rows of
-- a serve that was killed stay until another one begins.
CREATE TABLE open_sessions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    host           TEXT    NOT NULL,
    pid            INTEGER NOT NULL,
    number         INTEGER NOT NULL,
    device         TEXT    NOT NULL COLLATE NOCASE,
    address        TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state = 'idle' OR state = 'await-auth-res' OR state = 'await-keygen-resp'
        OR state = 'await-encrypt-msg-resp' OR state = 'await-ca-resp' OR state = 'await-store-cert-resp'
        OR state = 'await-fetch-cert-resp' OR state = 'await-delete-cert-resp'),
    tls            TEXT    NOT NULL,
    since          INTEGER NOT NULL,
    state_since    INTEGER NOT NULL,
    end_asked      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (host, pid, number)
) STRICT;

CREATE INDEX open_sessions_ending ON open_sessions (host, pid) WHERE end_asked > 0;
