-- What shows that nobody without the master key has written to a backup or to
-- the record of events.

-- Only a backup has one: over its file, with zeros in the place of the seal.
CREATE TABLE backup_seal (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    seal           BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT;

-- Where the record of events ended at a time, sealed by serve. A later one covers
-- all events before it, so that of old ones one a day is kept.
CREATE TABLE event_checkpoints (
    event_id       INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    seal           BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT;
