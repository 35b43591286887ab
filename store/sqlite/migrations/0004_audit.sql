-- The events form a chain: each has the SHA-256 over the hash of the event
-- before it and its own fields (chain.go has the encoding). The rows that are
-- there already get theirs right after this script, and that one change of a
-- row is allowed: from no hash to a hash.
ALTER TABLE events ADD COLUMN hash BLOB NOT NULL DEFAULT x'';

-- Where the chain begins and where it ends. The anchor is the last event that
-- was pruned, the head the newest one; head_id is also how many events there
-- have ever been. At first both are an event 0 whose hash is 32 zeros.
CREATE TABLE event_chain (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    anchor_id      INTEGER NOT NULL,
    head_id        INTEGER NOT NULL CHECK (head_id >= anchor_id),
    anchor_hash    BLOB    NOT NULL CHECK (length(anchor_hash) = 32),
    head_hash      BLOB    NOT NULL CHECK (length(head_hash) = 32)
) STRICT;

INSERT INTO event_chain (id, anchor_id, head_id, anchor_hash, head_hash) VALUES (1, 0, 0, zeroblob(32), zeroblob(32));

DROP TRIGGER events_stay;

CREATE TRIGGER events_stay BEFORE UPDATE ON events WHEN OLD.hash <> x''
BEGIN
    SELECT RAISE(ABORT, 'events are only ever added');
END;

-- What lies before the anchor may go.
DROP TRIGGER events_remain;

CREATE TRIGGER events_remain BEFORE DELETE ON events WHEN OLD.id > (SELECT anchor_id FROM event_chain)
BEGIN
    SELECT RAISE(ABORT, 'events are only ever added');
END;
