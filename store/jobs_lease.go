package store

import "time"

// JobLease is for how long a job stays with a process that shows no sign of
// life. After it, the job is abandoned: the next process carries it on, its
// commands keep no other job waiting, and an operator can cancel it.
const JobLease = 30 * time.Second

// isAbandoned is the term for a running job whose process shows no life; abandonedAt
// is its arguments. A sign of life that lies far ahead is none: the clock has
// gone back since.
const isAbandoned = "(seen_at < ? OR seen_at > ?)"

func abandonedAt(now time.Time) []any {
	return []any{millis(now.Add(-JobLease)), millis(now.Add(JobLease))}
}

// Abandoned says whether the job is marked as running while no process runs it.
func (j *Job) Abandoned(now time.Time) bool {
	return j.State == JobRunning && now.Sub(j.SeenAt).Abs() > JobLease
}

// diedRunning is why a command of an abandoned job is interrupted.
const diedRunning = "the process that ran it has ended"

// interruptCommands gives up the commands of a job that were running.
func interruptCommands(t *tx, jobID int64, why string) error {
	_, err := t.exec("UPDATE job_devices SET apply = 'interrupted', exit_code = -1, output = ?, ended_at = ? WHERE job_id = ? AND apply = 'running'",
		why, millis(t.now), jobID)
	return err
}

// endCommands leaves no command of a job open.
func endCommands(t *tx, jobID int64, why string) error {
	if err := interruptCommands(t, jobID, why); err != nil {
		return err
	}
	_, err := t.exec("UPDATE job_devices SET apply = 'cancelled' WHERE job_id = ? AND apply = 'due'", jobID)
	return err
}

// freeDevices interrupts the commands that keep devices of the job waiting,
// though the job which they belong to has ended or is abandoned.
func freeDevices(t *tx, jobID int64) (int64, error) {
	return t.exec(`UPDATE job_devices SET apply = 'interrupted', exit_code = -1, output = ?, ended_at = ? WHERE apply = 'running'
		AND device IN (SELECT device FROM job_devices WHERE job_id = ? AND apply = 'due')
		AND job_id IN (SELECT id FROM jobs WHERE state <> 'running' OR `+isAbandoned+`)`,
		append([]any{diedRunning, millis(t.now), jobID}, abandonedAt(t.now)...)...)
}

// holdLeases gives the jobs that are running back the time that a transaction
// has taken: no process could renew its lease while it kept the database.
func holdLeases(t *tx, now time.Time) error {
	if took := now.Sub(t.now); took >= JobLease/4 {
		_, err := t.exec("UPDATE jobs SET seen_at = seen_at + ? WHERE state = 'running' AND seen_at > 0", took.Milliseconds())
		return err
	}
	return nil
}
