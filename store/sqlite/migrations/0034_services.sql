-- The services beside capf: files for phones, and the Trust Verification Service.
INSERT INTO services (name, active) VALUES ('provision', 0), ('tvs', 0);

-- What a running serve reports of them, as a JSON array; empty when an earlier capf
-- has written the report.
ALTER TABLE servers ADD COLUMN services TEXT NOT NULL DEFAULT '';
