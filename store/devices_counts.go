package store

import (
	"context"
)

// DeviceCounts counts the devices, and those that need an operator's
// attention.
type DeviceCounts struct {
	Total       int64
	ByOperation map[Operation]int64 // every operation has its entry
	Failed      int64
	Late        int64
}

// CountDevices counts what Devices yields.
func (s *Reader) CountDevices(ctx context.Context, f DeviceFilter) (int64, error) {
	n, err := s.count(ctx, "devices", f.query(s.options.Now()))
	return n, failed(err, "counting devices")
}

// DeviceCounts counts the devices.
func (s *Reader) DeviceCounts(ctx context.Context) (DeviceCounts, error) {
	c := DeviceCounts{ByOperation: map[Operation]int64{}}
	var install, remove, troubleshoot int64
	err := s.point(ctx, `SELECT
		(SELECT count(*) FROM devices),
		(SELECT count(*) FROM devices WHERE operation <> 'none' AND operation = 'install'),
		(SELECT count(*) FROM devices WHERE operation <> 'none' AND operation = 'delete'),
		(SELECT count(*) FROM devices WHERE operation <> 'none' AND operation = 'troubleshoot'),
		(SELECT count(*) FROM devices WHERE `+hasFailed+`),
		(SELECT count(*) FROM devices WHERE `+isLate+`)`,
		[]any{millis(s.options.Now())}, &c.Total, &install, &remove, &troubleshoot, &c.Failed, &c.Late)
	if err != nil {
		return DeviceCounts{}, failed(err, "counting devices")
	}
	c.ByOperation[Install], c.ByOperation[Delete], c.ByOperation[Troubleshoot] = install, remove, troubleshoot
	c.ByOperation[NoOperation] = c.Total - install - remove - troubleshoot
	return c, nil
}

// CountLocked counts the devices that wrong authentication strings have locked,
// at this moment.
func (s *Reader) CountLocked(ctx context.Context) (n int64, err error) {
	err = s.point(ctx, "SELECT count(*) FROM devices WHERE "+isLocked,
		[]any{millis(s.options.Now()), millis(s.options.Now().Add(LockTime))}, &n)
	return n, failed(err, "counting locked devices")
}
