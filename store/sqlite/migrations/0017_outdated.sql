-- A request waits only as long as the operation for which it was made is the
-- device's: who schedules another one supersedes it at once.
UPDATE requests SET state = 'superseded', reason = 'the operation of the device was changed'
    WHERE state = 'pending' AND EXISTS (SELECT 1 FROM devices AS d WHERE d.id = requests.device_id AND d.schedule <> requests.schedule);
