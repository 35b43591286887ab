-- What a certificate of capf-trust vouches for. Those that are there already get
-- what they were used for (migrate_trust.go); undecided says of which ones that
-- is a guess. The column foreign_capf is not read any more: for_foreign_lsc says it.
ALTER TABLE trust_certificates ADD COLUMN for_mic         INTEGER NOT NULL DEFAULT 0 CHECK (for_mic IN (0, 1));
ALTER TABLE trust_certificates ADD COLUMN for_lsc         INTEGER NOT NULL DEFAULT 0 CHECK (for_lsc IN (0, 1));
ALTER TABLE trust_certificates ADD COLUMN for_foreign_lsc INTEGER NOT NULL DEFAULT 0 CHECK (for_foreign_lsc IN (0, 1));
ALTER TABLE trust_certificates ADD COLUMN for_https       INTEGER NOT NULL DEFAULT 0 CHECK (for_https IN (0, 1));
ALTER TABLE trust_certificates ADD COLUMN undecided       INTEGER NOT NULL DEFAULT 0 CHECK (undecided IN (0, 1));
