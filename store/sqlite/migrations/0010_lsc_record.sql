-- LSCs that can be taken back, and what vouched for each of them.
--
-- A revoked LSC has a time and a reason. One that is only held keeps the state
-- to which its release leads, and what happens meanwhile still changes that. A
-- discarded one was stale and has been deleted by an operator: its phone may
-- have it nevertheless, so its serial and fingerprint stay until it has run out.
-- Its certificate has gone, and so may its request.
CREATE TABLE lscs_new (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id     INTEGER UNIQUE REFERENCES requests (id),
    device_id      INTEGER REFERENCES devices (id) ON DELETE SET NULL,
    device         TEXT    NOT NULL COLLATE NOCASE,
    serial         TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    issuer         TEXT    NOT NULL,
    key_kind       TEXT    NOT NULL,
    not_before     INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state = 'issued' OR state = 'installed' OR state = 'replaced' OR state = 'deleted' OR state = 'stale' OR state = 'revoked' OR state = 'discarded'),
    issued_at      INTEGER NOT NULL,
    installed_at   INTEGER NOT NULL DEFAULT 0,
    ended_at       INTEGER NOT NULL DEFAULT 0,
    revoked_at     INTEGER NOT NULL DEFAULT 0,
    reason         TEXT    NOT NULL DEFAULT '' CHECK (reason = '' OR instr(reason, ' ') = 0 AND instr(
        ' unspecified key-compromise ca-compromise affiliation-changed superseded cessation-of-operation' ||
        ' certificate-hold privilege-withdrawn aa-compromise ', ' ' || reason || ' ') > 0),
    held           TEXT    NOT NULL DEFAULT '' CHECK (held = '' OR held = 'installed' OR held = 'replaced' OR held = 'deleted' OR held = 'stale' OR held = 'discarded'),
    fingerprint    BLOB    NOT NULL,
    certificate    BLOB    NOT NULL,
    UNIQUE (serial, issuer)
) STRICT;

INSERT INTO lscs_new (id, request_id, device_id, device, serial, subject, issuer, key_kind, not_before, not_after, state,
    issued_at, installed_at, ended_at, fingerprint, certificate)
    SELECT id, request_id, device_id, device, serial, subject, issuer, key_kind, not_before, not_after, state,
    issued_at, installed_at, ended_at, fingerprint, certificate FROM lscs;

-- The ids go on where they were, also when the last ones have been deleted.
DELETE FROM sqlite_sequence WHERE name = 'lscs_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'lscs_new', seq FROM sqlite_sequence WHERE name = 'lscs';

DROP TABLE lscs;
ALTER TABLE lscs_new RENAME TO lscs;

CREATE INDEX        lscs_device_id ON lscs (device_id);
CREATE INDEX        lscs_left      ON lscs (device) WHERE device_id IS NULL;
CREATE INDEX        lscs_not_after ON lscs (not_after);
CREATE INDEX        lscs_stale     ON lscs (id) WHERE state = 'stale';
CREATE INDEX        lscs_discarded ON lscs (not_after) WHERE state = 'discarded';
CREATE INDEX        lscs_revoked   ON lscs (issuer, revoked_at) WHERE state = 'revoked';
CREATE UNIQUE INDEX lscs_installed ON lscs (device_id) WHERE state = 'installed';

-- With what the phone authenticated: the fingerprint of its certificate or, of a
-- string, that of its sealed form. Empty is what an earlier capf did not record.
ALTER TABLE requests ADD COLUMN voucher             TEXT NOT NULL DEFAULT '' CHECK (voucher = '' OR voucher = 'null-string' OR voucher = 'auth-string' OR voucher = 'lsc' OR voucher = 'foreign-lsc' OR voucher = 'unrecorded-lsc' OR voucher = 'mic');
ALTER TABLE requests ADD COLUMN voucher_fingerprint BLOB NOT NULL DEFAULT x'';

CREATE INDEX requests_vouched ON requests (voucher_fingerprint) WHERE state = 'pending' AND voucher = 'lsc';
