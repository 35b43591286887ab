-- The certificate of TVS with its key.
CREATE TABLE tvs_certificate (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    created_at     INTEGER NOT NULL,
    certificate    BLOB    NOT NULL,
    sealed_key     BLOB    NOT NULL
) STRICT;

-- Two more trust stores: whose lists, and which servers, TVS vouches for. The
-- column foreign_capf, which was not read since 0009, goes.
CREATE TABLE trust_certificates_new (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose         TEXT    NOT NULL CHECK (purpose = 'capf-trust' OR purpose = 'callmanager-trust' OR purpose = 'phone-sast-trust' OR purpose = 'tvs-trust'),
    subject         TEXT    NOT NULL,
    issuer          TEXT    NOT NULL,
    serial          TEXT    NOT NULL,
    not_before      INTEGER NOT NULL,
    not_after       INTEGER NOT NULL,
    description     TEXT    NOT NULL DEFAULT '',
    for_mic         INTEGER NOT NULL DEFAULT 0 CHECK (for_mic IN (0, 1)),
    for_lsc         INTEGER NOT NULL DEFAULT 0 CHECK (for_lsc IN (0, 1)),
    for_foreign_lsc INTEGER NOT NULL DEFAULT 0 CHECK (for_foreign_lsc IN (0, 1)),
    for_https       INTEGER NOT NULL DEFAULT 0 CHECK (for_https IN (0, 1)),
    undecided       INTEGER NOT NULL DEFAULT 0 CHECK (undecided IN (0, 1)),
    added_at        INTEGER NOT NULL,
    fingerprint     BLOB    NOT NULL,
    certificate     BLOB    NOT NULL,
    UNIQUE (purpose, fingerprint)
) STRICT;

INSERT INTO trust_certificates_new (id, purpose, subject, issuer, serial, not_before, not_after, description,
    for_mic, for_lsc, for_foreign_lsc, for_https, undecided, added_at, fingerprint, certificate)
    SELECT id, purpose, subject, issuer, serial, not_before, not_after, description,
    for_mic, for_lsc, for_foreign_lsc, for_https, undecided, added_at, fingerprint, certificate FROM trust_certificates;

-- The ids go on where they were, also when the last ones have been deleted.
DELETE FROM sqlite_sequence WHERE name = 'trust_certificates_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'trust_certificates_new', seq FROM sqlite_sequence WHERE name = 'trust_certificates';

DROP TABLE trust_certificates;
ALTER TABLE trust_certificates_new RENAME TO trust_certificates;
