-- An authentication string that is good for one operation goes when that is
-- completed: until then its phone may have to send it again.
ALTER TABLE devices ADD COLUMN string_used INTEGER NOT NULL DEFAULT 0 CHECK (string_used IN (0, 1));
