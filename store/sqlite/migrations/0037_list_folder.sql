-- How each running serve keeps the folder of trust lists, as JSON; empty while it keeps
-- none.
ALTER TABLE servers ADD COLUMN list_folder TEXT NOT NULL DEFAULT '';
