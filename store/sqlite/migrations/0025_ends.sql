-- How many installed LSCs end when is a question of every look at the metrics.
CREATE INDEX lscs_ends ON lscs (not_after, device_id) WHERE state = 'installed' AND device_id > 0;

-- The findings that serve tells notify_command of, so that a restart tells nothing
-- twice, and only one of several processes tells.
CREATE TABLE notices (
    kind           TEXT    NOT NULL,
    object         TEXT    NOT NULL,
    severity       TEXT    NOT NULL CHECK (severity = 'error' OR severity = 'warning'),
    text           TEXT    NOT NULL,
    hint           TEXT    NOT NULL,
    since          INTEGER NOT NULL,
    gone_at        INTEGER NOT NULL DEFAULT 0,
    repeat_after   INTEGER NOT NULL CHECK (repeat_after > 0),
    told_at        INTEGER NOT NULL DEFAULT 0,
    told_severity  TEXT    NOT NULL DEFAULT '',
    owner          TEXT    NOT NULL DEFAULT '',
    owned_until    INTEGER NOT NULL DEFAULT 0,
    attempts       INTEGER NOT NULL DEFAULT 0,
    problem        TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (kind, object)
) STRICT, WITHOUT ROWID;
