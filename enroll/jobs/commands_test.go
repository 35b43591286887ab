package jobs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/jobs"
	"capf/store"
)

// TestCommands is what apply_config_command can do wrong; the change of the
// devices stays in each of them.
func TestCommands(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		edit   func(h *house, folder string)
		state  store.JobState
		want   string
	}{
		"it works":          {`echo noise; echo "done: $CAPF_DEVICE"`, nil, store.JobDone, "CSFolga done 0 done: CSFolga"},
		"it fails":          {`echo "no route to $1" >&2; exit 7`, nil, store.JobPartly, "CSFolga failed 7 no route to CSFolga"},
		"it is killed":      {`kill -9 $$`, nil, store.JobPartly, "CSFolga failed -1 signal: killed"},
		"it hangs":          {`sleep 60 & sleep 60`, nil, store.JobPartly, "CSFolga failed -1 it took longer than 300ms and was ended"},
		"it leaves a child": {`sleep 60 & echo started`, nil, store.JobDone, "CSFolga done 0 started"},
		"it is missing": {`true`, func(h *house, folder string) { devicestest.Must(h.TB, os.Remove(filepath.Join(folder, "apply"))) },
			store.JobPartly, "CSFolga failed -1 it could not be run: no such file or directory"},
		"it may not be run": {`true`, func(h *house, folder string) { devicestest.Must(h.TB, os.Chmod(filepath.Join(folder, "apply"), 0o600)) },
			store.JobPartly, "CSFolga failed -1 it could not be run: permission denied"},
		"it has been unset": {`true`, func(h *house, _ string) { h.Set("apply_config_command", "none") },
			store.JobPartly, "CSFolga failed -1 no apply_config_command is set"},
		"it writes much": {`i=0; while [ $i -lt 3000 ]; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done; printf 'the \033[31mend\n\n'`, nil,
			store.JobDone, "CSFolga done 0 the  [31mend"},
		"it looks for secrets": {`env | grep -c -v -e PATH= -e CAPF_DEVICE= -e PWD= -e SHLVL= -e _=`, nil, store.JobPartly, "CSFolga failed 1 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.Add("CSFolga", devices.Edit{})
			folder := h.script(test.script)
			j := h.schedule(h.Clock.Now().Add(time.Second), true)
			if test.edit != nil {
				test.edit(h, folder)
			}
			h.Clock.Move(time.Minute)
			limit := patience
			if name == "it hangs" {
				limit = 300 * time.Millisecond
			}
			_, err := h.runner(func(r *jobs.Runner) { r.CommandTime = limit }).RunDue(t.Context())
			devicestest.Must(t, err)
			if got := h.applied(j.ID); len(got) != 1 || got[0] != test.want {
				t.Errorf("the result is %q, want %q", got, test.want)
			}
			if got := h.job(j.ID); got.State != test.state || got.Changed != 1 {
				t.Errorf("the job is %s: %s", got.State, got.Detail)
			}
			if h.Device("CSFolga").Operation != store.Install {
				t.Error("the device was not changed")
			}
		})
	}
}

// TestCommandAndStrangeNames: what an earlier capf has let a device be called
// reaches no program when it could be taken for an option or a folder, wherever
// it stands in the command; and the device is changed all the same.
func TestCommandAndStrangeNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"-rf", "--config", "..", ".x", "_x"} {
		_, err := h.Rules.Store.AddDevice(t.Context(), devicestest.Operator, store.Device{Name: name, SecurityMode: store.Nonsecure, IPMode: store.TwoStack,
			Operation: store.NoOperation, AuthMode: store.ByNullString, KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 384, Status: store.StatusNone})
		devicestest.Must(t, err)
	}
	h.Add("CSFolga", devices.Edit{})
	folder := h.script(`printf '%s\n' "$@" "$CAPF_DEVICE" >> "$(dirname "$0")/seen"`)
	h.Set("apply_config_command", filepath.Join(folder, "apply")+" {device} --device={device}")
	j := h.schedule(h.Clock.Now().Add(time.Second), true)
	h.Clock.Move(time.Minute)
	_, err := h.runner(func(*jobs.Runner) {}).RunDue(t.Context())
	devicestest.Must(t, err)
	refused := 0
	for _, line := range h.applied(j.ID) {
		if strings.Contains(line, "does not begin with a letter or a digit") {
			refused++
		}
	}
	seen, err := os.ReadFile(filepath.Join(folder, "seen"))
	devicestest.Must(t, err)
	if string(seen) != "CSFolga\n--device=CSFolga\nCSFolga\n" || refused != 5 {
		t.Errorf("the program saw\n%s%q", seen, h.applied(j.ID))
	}
	if d := h.Device("--config"); d.Operation != store.Install {
		t.Errorf("the device is %+v", d)
	}
}
