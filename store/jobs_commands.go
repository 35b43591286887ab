package store

import (
	"context"
	"errors"
)

// NextCommand gives the owner of a job the next device for which to run the
// command. A device whose command another job is running is left for later:
// the name is then empty although left counts it. ErrConflict: the job should
// stop, or another process has taken it.
func (s *Store) NextCommand(ctx context.Context, id int64, owner string) (device string, left int64, err error) {
	err = s.change(ctx, func(t *tx) error {
		device = ""
		var cancel bool
		err := t.row("SELECT cancel FROM jobs WHERE "+owned, id, owner).Scan(&cancel)
		if err != nil {
			return lost(err)
		}
		if cancel {
			return conflict("the job is to stop")
		}
		if device, err = beginCommand(t, id); !errors.Is(err, ErrNotFound) {
			return err
		}
		freed, err := freeDevices(t, id)
		if err != nil {
			return err
		}
		if freed > 0 {
			if device, err = beginCommand(t, id); !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return t.row("SELECT count(*) FROM job_devices WHERE job_id = ? AND apply = 'due'", id).Scan(&left)
	})
	return device, left, failed(err, "taking the next device of job %d", id)
}

// beginCommand marks the command for the next device as running. ErrNotFound:
// none is due, or other jobs are running one for each.
func beginCommand(t *tx, id int64) (device string, err error) {
	err = t.row(`UPDATE job_devices SET apply = 'running', started_at = ? WHERE job_id = ? AND device = (
		SELECT d.device FROM job_devices AS d WHERE d.job_id = ? AND d.apply = 'due'
		AND NOT EXISTS (SELECT 1 FROM job_devices AS r WHERE r.device = d.device AND r.apply = 'running')
		ORDER BY d.device LIMIT 1) RETURNING device`, millis(t.now), id, id).Scan(&device)
	return device, err
}

// EndCommand records how the command for a device ended, unless another process
// has taken the job and interrupted it.
func (s *Store) EndCommand(ctx context.Context, id int64, d JobDevice) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE job_devices SET apply = ?, exit_code = ?, output = ?, ended_at = ?
			WHERE job_id = ? AND device = ? AND apply = 'running'`,
			string(d.Command), d.ExitCode, d.Output, millis(t.now), id, d.Device)
		return err
	})
	return failed(err, "keeping the result of device %q", d.Device)
}
