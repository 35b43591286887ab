-- Pools and models are compared by a rule that no index knows (store.Matches).
DROP INDEX devices_pool;
DROP INDEX devices_model;
