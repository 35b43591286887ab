package lscs

import (
	"context"
	"slices"
	"strings"

	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

const (
	// shortestSerial is how many digits have to be given of a serial.
	shortestSerial = 4
	// serialsNamed is how many serials a refusal names.
	serialsNamed = 5
)

// FullSerials returns the serials that an operator means: whole ones, or the first
// digits of one that no other LSC begins with. What is known in no way is returned as
// it is, so that whoever looks for it says that it is not found. A beginning of several
// serials is apperr.ErrUsage.
func FullSerials(ctx context.Context, s *store.Reader, typed ...string) ([]string, error) {
	full := slices.Clone(typed)
	for i, t := range typed {
		serial, err := fullSerial(ctx, s, t)
		if err != nil {
			return nil, err
		}
		full[i] = serial
	}
	return full, nil
}

func fullSerial(ctx context.Context, s *store.Reader, typed string) (string, error) {
	whole := serialnumber.Plain(typed)
	exact, err := s.SerialsBeginning(ctx, whole, 1) // the whole one would come first
	if err != nil || len(exact) > 0 && exact[0] == whole {
		return whole, err
	}
	beginnings := serialnumber.Beginnings(typed)
	if len(strings.TrimLeft(beginnings[0], "0")) < shortestSerial {
		return typed, nil
	}
	var found []string
	for _, digits := range beginnings {
		some, err := s.SerialsBeginning(ctx, digits, serialsNamed+1)
		if err != nil {
			return "", err
		}
		found = append(found, some...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	switch {
	case len(found) == 0:
		return typed, nil
	case len(found) == 1:
		return found[0], nil
	}
	names := strings.Join(found[:min(len(found), serialsNamed)], ", ")
	if len(found) > serialsNamed {
		names += " and more"
	}
	return "", apperr.WithHint(apperr.Usage("several serials begin with %q: %s", typed, names), "give more digits; capf lsc list shows them")
}

// BySerial returns the LSC with the serial, or with the only one that begins so.
func BySerial(ctx context.Context, s *store.Reader, typed string) (store.LSC, error) {
	full, err := fullSerial(ctx, s, typed)
	if err != nil {
		return store.LSC{}, err
	}
	return s.LSC(ctx, full)
}
