package store

import (
	"context"
	"encoding/json"
	"time"
)

// DeleteJobs deletes jobs that have ended, with their results for each device,
// and returns how many. Unless all can be deleted, none is: ErrNotFound names
// the id that does not exist, ErrConflict the one whose job has not ended.
func (s *Store) DeleteJobs(ctx context.Context, a Actor, ids []int64) (int64, error) {
	ids = unique(ids)
	list, err := json.Marshal(ids)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		j, err := s.Job(ctx, id)
		if err == nil && j.EndedAt.IsZero() {
			err = failed(conflict("it is %s", j.State), "job %d", id)
		}
		if err != nil {
			return 0, failed(err, "deleting jobs")
		}
	}
	if err := s.deleteResults(ctx, "id IN (SELECT value FROM json_each(?))", string(list)); err != nil {
		return 0, err
	}
	err = s.change(ctx, func(t *tx) error {
		for _, id := range ids {
			var kind JobKind
			if err := t.row("DELETE FROM jobs WHERE id = ? AND ended_at > 0 RETURNING kind", id).Scan((*string)(&kind)); err != nil {
				return failed(err, "job %d", id)
			}
			title := (&Job{ID: id, Kind: kind}).title()
			if err := t.event(a, "", EventText{Action: "job-delete", Detail: title}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, failed(err, "deleting jobs")
	}
	return int64(len(ids)), nil
}

// DeleteJobsBefore deletes the jobs that ended before the time, as
// DeleteRequestsBefore does.
func (s *Store) DeleteJobsBefore(ctx context.Context, a Actor, before time.Time) (int64, error) {
	if err := s.deleteResults(ctx, "ended_at < ?", millis(before)); err != nil {
		return 0, err
	}
	n, err := s.inPortions(ctx, func(t *tx) (int64, error) {
		n, err := t.exec("DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at > 0 AND ended_at < ? LIMIT ?)", millis(before), portion)
		return n, recordRetention(t, a, "job-delete", n, "job", before, err)
	})
	return n, failed(err, "deleting jobs")
}

// deleteResults deletes the results of ended jobs in portions. The jobs
// themselves go last, so that after an interruption the next deletion finds
// them again.
func (s *Store) deleteResults(ctx context.Context, term string, arg any) error {
	_, err := s.inPortions(ctx, func(t *tx) (int64, error) {
		return t.exec(`DELETE FROM job_devices WHERE (job_id, device) IN (SELECT job_id, device FROM job_devices
			WHERE job_id IN (SELECT id FROM jobs WHERE ended_at > 0 AND `+term+`) LIMIT ?)`, arg, portion)
	})
	return failed(err, "deleting the results of jobs")
}
