-- Since when trust lists carry the CAPF certificate: since before serve shows it, if it
-- was prepared.
ALTER TABLE identity ADD COLUMN listed_at INTEGER NOT NULL DEFAULT 0;
