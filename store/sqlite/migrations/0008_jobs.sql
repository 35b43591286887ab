-- What did not go well is asked for by each status.
CREATE INDEX jobs_troubled ON jobs (ended_at) WHERE state = 'partly' OR state = 'failed';
