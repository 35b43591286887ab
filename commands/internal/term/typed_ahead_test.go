package term

import (
	"testing"
	"time"

	"golang.org/x/term"

	"capf/commands/internal/ptytest"
)

// TestTypedAhead keeps what is typed while the terminal is asked for its cursor,
// whether or not it answers.
func TestTypedAhead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		typed string
		limit time.Duration
		told  bool
		kept  string
	}{
		"no answer":            {"47110815\r", time.Millisecond, false, "47110815\r"},
		"an answer in between": {"4711\x1b[24;1R0815\r", time.Minute, true, "47110815\r"},
		"nothing but it":       {"\x1b[1;1R", time.Minute, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			master, slave := ptytest.Open(t, 80)
			defer master.Close()
			defer slave.Close()
			before, err := term.MakeRaw(int(slave.Fd())) // so that it comes as it is typed
			check(t, err)
			_, err = master.WriteString(test.typed)
			check(t, err)
			typed, told, err := cursorTold(slave, slave, test.limit)
			if told != test.told || string(typed) != test.kept || err != nil {
				t.Errorf("told %v, typed %q, %v", told, typed, err)
			}
			check(t, term.Restore(int(slave.Fd()), before))
			if test.kept == "" {
				return
			}
			answer, err := plainPrompter{&typedAhead{slave, typed}, slave}.Secret("Authentication string")
			if answer != "47110815" || err != nil {
				t.Errorf("the answer is %q, %v", answer, err)
			}
		})
	}
}
