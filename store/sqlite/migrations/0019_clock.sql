-- When the time at which a request is due was set: where that lies in the
-- future, the clock has gone back since, and the request is due now.
ALTER TABLE online_requests ADD COLUMN set_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX online_requests_set ON online_requests (set_at) WHERE state = 'queued' OR state = 'sent' OR state = 'taken';
