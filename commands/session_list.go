package commands

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/sessions"
	"capf/store"
)

func sessionListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the phones that are connected, the longest first",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `A running serve writes its sessions every two seconds, except those younger than a
second; so a phone that gets its certificate at once is not in the list. The state
says what the session waits for, in the words of the vendor's state machine. A phone
in AWAIT CA RESP waits for a CA, or until a certificate is imported.`,
		Example: "capf session list --state await-ca-resp",
		Output:  cmdline.List, Columns: headings(sessionColumns),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "device", Usage: "only devices that match the `PATTERN`"},
			&cli.StringFlag{Name: "state", Usage: "`STATE`: " + strings.Join(store.SessionStates(), ", ")},
		},
		Run: func(c *cli.Context) error {
			f := store.SessionFilter{Device: c.String("device")}
			var err error
			if f.State, err = parsed(c, "state", store.ParseSessionState); err != nil {
				return err
			}
			return sessionList(c.Context, env, f)
		},
	}
}

// sessionsOld is the age at which a list of sessions is told to be old: a running
// serve writes that it lives every five seconds.
const sessionsOld = 15 * time.Second

func sessionList(ctx context.Context, env *Env, f store.SessionFilter) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	f.Device = devices.FullPattern(ctx, s, f.Device)
	open, err := sessions.List(ctx, s, env.Now(), f)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, v := range open {
		if env.Now().Sub(v.SeenAt) > sessionsOld && !told[v.Host] {
			told[v.Host] = true
			env.say("warning: serve on %s has written nothing since %s; its sessions may be others now", v.Host, term.Cell(v.SeenAt))
		}
	}
	return showList(env, values(open), sessionColumns, "no phone is connected; one that has just come is listed within seconds")
}

// sessionColumns are the properties of an open session in a list.
var sessionColumns = []column[sessions.Session]{
	{"ID", "id", always, func(v sessions.Session) any { return v.ID }},
	{"Device", "device", always, func(v sessions.Session) any { return v.Device }},
	{"Address", "address", usual, func(v sessions.Session) any { return v.Address }},
	{"Since", "since", usual, func(v sessions.Session) any { return v.Since }},
	{"State", "state", always, func(v sessions.Session) any { return v.State }},
	{"In it since", "state_since", seldom, func(v sessions.Session) any { return v.StateSince }},
	{"TLS", "tls_version", seldom, func(v sessions.Session) any { return v.TLS }},
	{"Node", "node", seldom, func(v sessions.Session) any { return v.Host }},
	{"", "pid", wide, func(v sessions.Session) any { return v.PID }},
	{"", "end_asked_at", wide, func(v sessions.Session) any { return v.EndAsked }},
	{"", "seen_at", wide, func(v sessions.Session) any { return v.SeenAt }},
}
