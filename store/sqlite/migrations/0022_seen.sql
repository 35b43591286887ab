-- When a session last named the device. What the record and the LSCs still say
-- of the time before is taken over, for the device that has the name now.
ALTER TABLE devices ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE devices SET seen_at = max(
    coalesce((SELECT max(at) FROM events WHERE device = devices.name AND device <> '' AND at >= devices.created_at AND actor_kind = 'phone'), 0),
    coalesce((SELECT max(installed_at) FROM lscs WHERE device_id = devices.id), 0));
