-- The CAPF certificate that is prepared, of which there is at most one: lists of trust
-- carry it at once, and serve shows it when phones have had time to learn of it.
-- shown_after is 0 when only an operator says when. Its key may be that of identity.
CREATE TABLE prepared_identity (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    since          INTEGER NOT NULL,
    shown_after    INTEGER NOT NULL CHECK (shown_after >= 0),
    sealed_key     BLOB    NOT NULL
) STRICT;

-- Leaf first, as identity_chain.
CREATE TABLE prepared_identity_chain (
    position       INTEGER PRIMARY KEY,
    certificate    BLOB    NOT NULL
) STRICT;
