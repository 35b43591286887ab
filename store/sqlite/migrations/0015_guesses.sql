-- Wrong authentication strings by the network from which they came (an IPv4
-- address, or the 64 bits of an IPv6 one), and phones that take LSCs without
-- confirming them.

CREATE TABLE wrong_strings (
    id             INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    network        TEXT    NOT NULL
) STRICT;

CREATE INDEX wrong_strings_network ON wrong_strings (network, at);
CREATE INDEX wrong_strings_at      ON wrong_strings (at);

-- A row stays for a while after its network is declined no more, for those who
-- look later.
CREATE TABLE declined_networks (
    network        TEXT    PRIMARY KEY,
    until          INTEGER NOT NULL,
    times          INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE INDEX declined_networks_until ON declined_networks (until);

-- From where a device has proved to be itself, and sent no wrong string since.
CREATE TABLE device_networks (
    device_id      INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    network        TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (device_id, network)
) STRICT, WITHOUT ROWID;

-- How many keys the phone has had certified, or sent to be, since it last
-- confirmed an LSC, but for the newest; and why the device is locked.
ALTER TABLE devices ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed >= 0);
ALTER TABLE devices ADD COLUMN locked_for  TEXT    NOT NULL DEFAULT '' CHECK (locked_for = '' OR locked_for = 'wrong-strings' OR locked_for = 'unconfirmed');
UPDATE devices SET locked_for = 'wrong-strings' WHERE locked_until > 0;
