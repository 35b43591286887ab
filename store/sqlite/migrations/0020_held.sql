-- Each confirmation asks whether an LSC of its device is held that was the
-- installed one: hardly ever.
CREATE INDEX lscs_held ON lscs (device_id) WHERE held = 'installed';
