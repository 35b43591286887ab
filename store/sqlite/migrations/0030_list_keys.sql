-- The keys whose certificates stand in the trust lists of phones as SAST: at most two,
-- of which one signs the lists and the other is the spare, the next one to sign.
CREATE TABLE list_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint  TEXT    NOT NULL UNIQUE CHECK (length(fingerprint) = 64), -- SHA-256 of the certificate, hexadecimal
    certificate  BLOB    NOT NULL,
    sealed_key   BLOB    NOT NULL,
    listed_at    INTEGER NOT NULL, -- since when lists carry it
    ceased_at    INTEGER NOT NULL DEFAULT 0, -- when it ceased to sign, 0 for one that never did, or signs
    copied_at    INTEGER NOT NULL DEFAULT 0  -- when a copy of it was last known outside of the database, 0 for never
) STRICT;
CREATE TABLE list_signing (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    signer       INTEGER NOT NULL REFERENCES list_keys (id),
    spare        INTEGER REFERENCES list_keys (id),
    signs_since  INTEGER NOT NULL, -- since when the signer signs
    due_at       INTEGER NOT NULL DEFAULT 0, -- when the spare is to sign in its place, 0 for nothing planned
    planned_by   TEXT    NOT NULL DEFAULT '',
    CHECK (signer <> spare),
    CHECK (due_at = 0 OR spare IS NOT NULL)
) STRICT;
