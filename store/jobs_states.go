package store

type (
	// JobKind is what a job does.
	JobKind string
	// JobState is the state of a job.
	JobState string
	// CommandState is the state of the command that applies the configuration of
	// one device.
	CommandState string
)

// The kinds of job.
const (
	BulkUpdate  JobKind = "bulk-update"
	BulkDelete  JobKind = "bulk-delete"
	BulkMigrate JobKind = "bulk-migrate"
	Renewal     JobKind = "renewal" // scheduled by capf itself, under the parameter renew_before
)

// The states of a job. It ends as done; or partly, when something was refused
// or failed for some devices; or failed, and then it changed nothing; or
// cancelled.
const (
	JobWaiting   JobState = "waiting"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobPartly    JobState = "partly"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// The states of a command. How an interrupted one ended is not known, because the
// process that ran it has died: it is not run twice.
const (
	CommandNone        CommandState = "none"
	CommandDue         CommandState = "due"
	CommandRunning     CommandState = "running"
	CommandDone        CommandState = "done"
	CommandFailed      CommandState = "failed"
	CommandInterrupted CommandState = "interrupted"
	CommandCancelled   CommandState = "cancelled"
)

var (
	jobKinds  = []word{{"bulk-update", "Bulk update"}, {"bulk-delete", "Bulk delete"}, {"bulk-migrate", "Bulk migrate"}, {"renewal", "Renewal"}}
	jobStates = []word{
		{"waiting", "Waiting"}, {"running", "Running"}, {"done", "Done"},
		{"partly", "Partly done"}, {"failed", "Failed"}, {"cancelled", "Cancelled"},
	}
	commandStates = []word{
		{"none", "None"}, {"due", "Due"}, {"running", "Running"}, {"done", "Done"},
		{"failed", "Failed"}, {"interrupted", "Interrupted"}, {"cancelled", "Cancelled"},
	}
)

// ParseJobState accepts the short and the long form.
func ParseJobState(s string) (JobState, error) {
	return parse[JobState]("the state of a job", jobStates, s)
}

// JobStates lists the short forms, for help texts and completion.
func JobStates() []string { return shorts(jobStates) }

// Long is the name that tables show.
func (v JobKind) Long() string { return long(jobKinds, string(v)) }

// Long is the name that tables show.
func (v JobState) Long() string { return long(jobStates, string(v)) }

// Long is the name that tables show.
func (v CommandState) Long() string { return long(commandStates, string(v)) }

func (v JobKind) String() string { return string(v) }

func (v JobState) String() string { return string(v) }

func (v CommandState) String() string { return string(v) }
