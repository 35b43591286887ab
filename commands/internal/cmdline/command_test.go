package cmdline

import "testing"

func TestArity(t *testing.T) {
	t.Parallel()
	for args, want := range map[string][2]int{
		"": {0, 0}, "NAME": {1, 1}, "PARAMETER [VALUE]": {1, 2}, "[PATTERN]": {0, 1},
		"FILE...": {1, many}, "ID...|all": {1, many}, "[SERIAL...|all]": {0, many},
	} {
		c := Command{Args: args}
		if least, most := c.arity(); [2]int{least, most} != want {
			t.Errorf("%q: %d to %d, want %v", args, least, most, want)
		}
	}
}
