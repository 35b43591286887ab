-- How many devices are locked is asked again and again, by metrics.
CREATE INDEX devices_locked ON devices (locked_until) WHERE locked_until > 0;
