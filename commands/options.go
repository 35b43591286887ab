package commands

import (
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/internal/apperr"
	"capf/internal/input"
)

// parsed reads a flag with a parser that may refuse its value. An absent flag gives
// the zero value, so it is for parsers that never return that; times are read with
// optional.
func parsed[T any](c *cli.Context, name string, parse func(string) (T, error)) (T, error) {
	var value T
	if !c.IsSet(name) {
		return value, nil
	}
	value, err := parse(c.String(name))
	if err != nil {
		return value, apperr.WithHint(apperr.Usage("--%s: %v", name, err), "%s", hint(err))
	}
	return value, nil
}

// optional is parsed for a flag whose absence has a meaning of its own.
func optional[T any](c *cli.Context, name string, parse func(string) (T, error)) (*T, error) {
	if !c.IsSet(name) {
		return nil, nil
	}
	value, err := parsed(c, name, parse)
	return &value, err
}

// verbatim is the parser of a flag that takes any text.
func verbatim(s string) (string, error) { return s, nil }

// number parses a positive number, such as of bits or rows.
func number(s string) (int, error) {
	n, err := input.Number(s, 1, math.MaxInt)
	if err != nil {
		return 0, apperr.Usage("%q is not a number from 1", s)
	}
	return n, nil
}

// duration parses the time that something may take.
func duration(s string) (time.Duration, error) {
	d, err := input.Duration(s)
	if err == nil && d <= 0 {
		err = apperr.Usage("%q is not a time such as 30s or 2m", s)
	}
	return d, err
}

// moment parses a time in the past: a time, or a span back from now such as 7d or
// 12h.
func (env *Env) moment(s string) (time.Time, error) {
	now := env.Now()
	if s != "" && s[0] != '+' {
		if t, err := input.Time("+"+s, now); err == nil {
			return now.Add(-t.Sub(now)), nil
		}
		if t, err := input.Time(s, now); err == nil {
			return t, nil
		}
	}
	return time.Time{}, apperr.Usage("%q is not a time in the past; write 2027:01:31:18:00, 2027-01-31T18:00:00Z, 2027-01-31, or 7d or 12h for that long ago", s)
}

// deadline parses a time in the future.
func (env *Env) deadline(s string) (time.Time, error) { return input.Time(s, env.Now()) }

// span parses how long something takes or lasts, such as 30d or 12h.
func (env *Env) span(s string) (time.Duration, error) {
	now := env.Now()
	t, err := input.Time("+"+strings.TrimPrefix(s, "+"), now)
	if err != nil || !t.After(now) {
		return 0, apperr.Usage("%q is not a span; write 30d or 12h", s)
	}
	return t.Sub(now), nil
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// forceFlag is the flag of commands that, outside of capf shell, always replace a
// file.
func forceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "force", Usage: "replace an existing file; needed in capf shell below privilege 4"}
}

// bypassFlag is the flag of commands that may have to wait for another operator.
func bypassFlag() cli.Flag {
	return &cli.StringFlag{Name: "bypass-approval", Usage: "do not wait for another operator; `REASON` is recorded, and capf status shows it"}
}
