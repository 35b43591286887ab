-- Of a secret that is a certificate with its key, the certificate: it is no secret,
-- and its end is asked for without the master key. Empty is what an earlier capf did
-- not record.
ALTER TABLE secrets ADD COLUMN certificate BLOB NOT NULL DEFAULT x'';
