package commands

import (
	"io"
	"time"

	"capf/commands/internal/report"
)

// writeSheet writes the page that technicians take along, a card for each string.
func writeSheet(env *Env, w io.Writer, made []madeString) error {
	s := report.Sheet{Made: env.Now(), Zone: time.Local}
	for _, m := range made {
		s.Cards = append(s.Cards, report.Card{Name: m.device.Name, Secret: m.secret,
			Description: m.device.Description, Pool: m.device.Pool, Model: m.device.Model})
	}
	return s.Write(w)
}
