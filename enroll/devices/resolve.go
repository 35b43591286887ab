package devices

import (
	"context"
	"errors"
	"strings"

	"capf/store"
)

// ResolveName returns the name of the device that a list or a file means: that of the device
// with exactly this name, or else the name as ParseDeviceName has it, with its errors.
func ResolveName(ctx context.Context, s *store.Reader, text string) (string, error) {
	name, err := ParseDeviceName(text)
	if err == nil && strings.EqualFold(name, text) {
		return name, nil
	}
	switch d, failed := s.Device(ctx, text); {
	case failed == nil:
		return d.Name, nil
	case !errors.Is(failed, store.ErrNotFound):
		return "", failed
	}
	return name, err
}

// FullName returns the name of the device that an operator means: that of the device with
// exactly this name, or else the name as it is Spelled. A deleted device counts, too, as long
// as it has left certificates. What phones call themselves does not: any of them could
// say anything.
func FullName(ctx context.Context, s *store.Reader, text string) string {
	name := Spelled(text)
	if strings.EqualFold(name, text) || known(ctx, s, text) {
		return text
	}
	return name
}

// known says whether there is, or was, a device of exactly that name. An error is left to
// the question that follows.
func known(ctx context.Context, s *store.Reader, name string) bool {
	if _, err := s.Device(ctx, name); err == nil {
		return true
	}
	for _, err := range s.LSCs(ctx, store.LSCFilter{Device: name, Discarded: true}) {
		return err == nil
	}
	return false
}

// FullPattern returns the pattern that an operator means, in which * and ? may stand for
// characters: 0011.2233.* are the phones whose MAC address begins like this. What matches a
// device as it was typed stays as it is.
func FullPattern(ctx context.Context, s *store.Reader, pattern string) string {
	if !strings.ContainsAny(pattern, wildcards) {
		return FullName(ctx, s, pattern)
	}
	spelled := SpelledPattern(pattern)
	if spelled == pattern {
		return pattern
	}
	for _, err := range s.Devices(ctx, store.DeviceFilter{Name: pattern}) {
		if err == nil {
			return pattern
		}
		break
	}
	return spelled
}
