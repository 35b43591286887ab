-- A sync that was stopped since it would have marked too many devices as
-- missing: when, how many, and of how many. The next one that is carried out
-- clears them.
ALTER TABLE directories ADD COLUMN held_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE directories ADD COLUMN held_missing INTEGER NOT NULL DEFAULT 0 CHECK (held_missing >= 0);
ALTER TABLE directories ADD COLUMN held_of INTEGER NOT NULL DEFAULT 0 CHECK (held_of >= held_missing);
