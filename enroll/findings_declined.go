package enroll

import (
	"capf/internal/plural"
	"context"
	"fmt"
	"strings"
)

// guessersShown is how many addresses a finding names.
const guessersShown = 3

// guessFindings tells of who has guessed within the last day.
func (r *Rules) guessFindings(ctx context.Context) ([]Finding, error) {
	list, now, all, err := r.Store.DeclinedNetworks(ctx, guessersShown)
	if err != nil || all == 0 {
		return nil, err
	}
	var names []string
	for _, d := range list {
		names = append(names, fmt.Sprintf("%s until %s", d.Network, d.Until.Format("2006-01-02 15:04:05")))
	}
	text := fmt.Sprintf("%s declined within the last day after wrong authentication strings, %d of them now: %s",
		plural.Of(all, "address"), now, strings.Join(names, ", "))
	if n := all - int64(len(list)); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return []Finding{{"warning", text, "capf audit list --action address-decline"}}, nil
}
