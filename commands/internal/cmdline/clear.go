package cmdline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/internal/apperr"
)

// clearFlag takes settings away. An empty value must not do that: it may come from a
// script whose variable is not set, or from a question without an answer.
func clearFlag(settings []string) cli.Flag {
	return &cli.StringFlag{Name: "clear", Usage: "take away `WHAT`: " + strings.Join(settings, ", ") + "; several with commas between them"}
}

// Cleared are the settings that --clear takes away. None of them may be given a
// value at the same time.
func Cleared(c *cli.Context, settings []string) ([]string, error) {
	if !c.IsSet("clear") {
		return nil, nil
	}
	var what []string
	for name := range strings.SplitSeq(c.String("clear"), ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(settings, name) {
			return nil, apperr.WithHint(apperr.Usage("--clear: %s cannot be taken away", strconv.Quote(name)),
				"%s", DidYouMean(name, settings, "it is one of "+strings.Join(settings, ", ")))
		}
		if c.IsSet(name) {
			return nil, apperr.Usage("--%s and --clear %s exclude each other", name, name)
		}
		what = append(what, name)
	}
	return what, nil
}
