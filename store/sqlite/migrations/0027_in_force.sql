-- What a running serve read when it began and uses until it is restarted, as a
-- JSON object; empty when an earlier capf has written the report.
ALTER TABLE servers ADD COLUMN in_force TEXT NOT NULL DEFAULT '';
