package jobs

import (
	"encoding/json"
	"fmt"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/store"
)

// newJob describes an update for the store.
func newJob(r *devices.Rules, actor store.Actor, kind store.JobKind, u bulk.Update) (store.Job, error) {
	selection, err := json.Marshal(u.Selection)
	if err != nil {
		return store.Job{}, fmt.Errorf("keeping the selection: %w", err)
	}
	edit, sealed, err := r.Save(u.Edit, u.Partial, secrets.JobStringLabel)
	if u.Delete != nil || u.Leave {
		edit, err = saveOther(u)
	}
	return store.Job{
		Kind: kind, Selection: string(selection), Edit: edit, SealedString: sealed,
		ApplyConfig: u.ApplyConfig, Actor: actor,
	}, err
}

// Read returns the update that a job carries out, without its string.
func Read(j store.Job) (bulk.Update, error) {
	u := bulk.Update{ApplyConfig: j.ApplyConfig}
	if err := json.Unmarshal([]byte(j.Selection), &u.Selection); err != nil {
		return u, fmt.Errorf("reading the selection of job %d: %w", j.ID, err)
	}
	var err error
	if u.Edit, u.Partial, err = devices.Read(j.Edit); err != nil {
		return u, err
	}
	var o other
	err = json.Unmarshal([]byte(j.Edit), &o)
	u.Delete, u.Leave = o.Delete, o.Leave
	return u, err
}

// other is the document of a job that does something else than edit devices.
type other struct {
	Delete *bulk.Deletion `json:"delete,omitempty"`
	Leave  bool           `json:"leave,omitempty"`
	// Partial is read with the edits that other jobs have.
	Partial bool `json:"partial,omitempty"`
}

func saveOther(u bulk.Update) (string, error) {
	text, err := json.Marshal(other{u.Delete, u.Leave, u.Partial})
	return string(text), err
}

// load is Read with the string.
func load(r *devices.Rules, j store.Job) (bulk.Update, error) {
	u, err := Read(j)
	if err == nil {
		u.Edit, err = r.Load(secrets.JobStringLabel, j.Edit, j.SealedString)
	}
	return u, err
}
