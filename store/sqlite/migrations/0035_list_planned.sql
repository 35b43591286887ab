-- When it was decided that the spare is to sign: the same span, said twice, ends at the
-- same time.
ALTER TABLE list_signing ADD COLUMN planned_at INTEGER NOT NULL DEFAULT 0;
