package store

import "time"

// JobLease is how long a job stays with a process that shows no sign of
// life. After that the job is abandoned: the next process carries it on,
// its commands no longer hold up other jobs, and an operator can cancel it.
const JobLease = 30 * time.Second

// isAbandoned is the condition for a running job whose process shows no sign of
// life; abandonedAt returns its arguments. A sign of life far in the future does not
// count: the clock has gone back since.
const isAbandoned = "(seen_at < ? OR seen_at > ?)"

func abandonedAt(now time.Time) []any {
	return []any{millis(now.Add(-JobLease)), millis(now.Add(JobLease))}
}

// Abandoned reports whether the job is marked as running although no process
// runs it.
func (j *Job) Abandoned(now time.Time) bool {
	return j.State == JobRunning && now.Sub(j.SeenAt).Abs() > JobLease
}

// diedRunning is the reason why a command of an abandoned job was
// interrupted.
const diedRunning = "the process that ran it has ended"

// interruptCommands marks the running commands of a job as interrupted.
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

// freeDevices interrupts commands that hold up devices of the job although
// their own job has ended or is abandoned.
func freeDevices(t *tx, jobID int64) (int64, error) {
	return t.exec(`UPDATE job_devices SET apply = 'interrupted', exit_code = -1, output = ?, ended_at = ? WHERE apply = 'running'
		AND device IN (SELECT device FROM job_devices WHERE job_id = ? AND apply = 'due')
		AND job_id IN (SELECT id FROM jobs WHERE state <> 'running' OR `+isAbandoned+`)`,
		append([]any{diedRunning, millis(t.now), jobID}, abandonedAt(t.now)...)...)
}

// holdLeases extends the leases of running jobs by the time that a
// transaction took: no process could renew its lease while the database was
// locked.
func holdLeases(t *tx, now time.Time) error {
	if took := now.Sub(t.now); took >= JobLease/4 {
		_, err := t.exec("UPDATE jobs SET seen_at = seen_at + ? WHERE state = 'running' AND seen_at > 0", took.Milliseconds())
		return err
	}
	return nil
}
