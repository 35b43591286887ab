-- How many LSCs were renewed a moment ago is asked before more are.
CREATE INDEX jobs_renewal ON jobs (updated_at) WHERE kind = 'renewal';

-- Versions before took NaN and the like for a share, under which every device
-- was due. Without the parameter, renewal is off.
DELETE FROM parameters WHERE name = 'renew_before' AND value GLOB '*[^0-9./%]*';
