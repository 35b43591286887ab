-- A certificate that comes back from a CA finds its request by its key.
CREATE INDEX requests_key_hash ON requests (key_hash);
