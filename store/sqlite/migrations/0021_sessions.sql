-- The sessions in which a device's phone may send a key are numbered as they
-- authenticate, and a request says in which it came. What a phone sent before it
-- lost its power may be read after what it sent when it was back, by another
-- process, and no clock would tell which was which.
ALTER TABLE devices  ADD COLUMN sessions INTEGER NOT NULL DEFAULT 0 CHECK (sessions >= 0);
ALTER TABLE requests ADD COLUMN session  INTEGER NOT NULL DEFAULT 0 CHECK (session >= 0);
