package store

import (
	"errors"
	"fmt"
)

// What callers tell apart beside the errors that an engine has too.
var (
	// ErrOvertaken says that a later session of the same phone has sent a key.
	ErrOvertaken = errors.New("a later session of the phone has sent a key")
	// ErrNewer says that a newer capf has written the database.
	ErrNewer = errors.New("the database was written by a newer capf")
	// ErrClosed says that the Store has been closed.
	ErrClosed = errors.New("the database has been closed")
)

// failed adds to an error what was being done, and replaces the driver's
// error, whose text names tables and columns, by a sentinel.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), plain(err))
}

// KeyTaken refuses a public key that another device has sent.
type KeyTaken struct{ Device string }

func (k *KeyTaken) Error() string {
	return fmt.Sprintf("the key is one that the device %q has sent", k.Device)
}

func conflict(format string, args ...any) error {
	return &Conflict{Reason: fmt.Sprintf(format, args...)}
}
