-- How many LSCs depend on which issuer is a question of every status.
CREATE INDEX lscs_issuer ON lscs (issuer, state, not_after);
