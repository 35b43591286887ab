-- What trust lists carry beside the certificates of capf itself. A certificate may
-- stand in several records, one for each role. The key is that with which files are
-- signed.
CREATE TABLE list_members (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    role         TEXT    NOT NULL CHECK (role = 'ccm' OR role = 'tftp' OR role = 'ccm+tftp' OR role = 'tvs' OR role = 'app-server'),
    fingerprint  TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    dns_name     TEXT    NOT NULL DEFAULT '',
    added_at     INTEGER NOT NULL,
    certificate  BLOB    NOT NULL,
    sealed_key   BLOB,
    UNIQUE (role, fingerprint)
) STRICT;

-- When something that lists show has last changed. It is the time that lists bear, so
-- that a list which is made twice is the same.
CREATE TABLE lists_changed (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    changed_at   INTEGER NOT NULL
) STRICT;
