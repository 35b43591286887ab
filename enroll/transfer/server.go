package transfer

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"
)

// Request is what a client asks for.
type Request struct {
	Protocol Protocol
	From     netip.Addr
	Local    netip.Addr // the address of this host that the client has asked
	// Name is the file as the client has named it, of at most 255 bytes and with
	// whatever it has put into it.
	Name string
	// SizeOnly says that only the size is asked for, as HEAD does.
	SizeOnly bool
}

// File is what a client gets. It is closed when the client has it.
type File struct {
	io.ReadCloser
	Size int64
	Type string // the Content-Type of HTTP
}

// Outcome is how a request ended, in a word for logs and metrics.
type Outcome string

// The outcomes of requests.
const (
	Sent      Outcome = "sent"
	NotFound  Outcome = "not-found"
	Forbidden Outcome = "forbidden" // the file, or asking at all, is not for the client
	Refused   Outcome = "refused"   // not a request to read a file: a write, another method, a name that no file has
	Limited   Outcome = "limited"   // the client, or all of them, ask for too much at once
	Broken    Outcome = "broken"    // the client went, was too slow, or never acknowledged
	Failed    Outcome = "failed"    // the file could not be read or made
)

// Outcomes are all of them.
func Outcomes() []Outcome {
	return []Outcome{Sent, NotFound, Forbidden, Refused, Limited, Broken, Failed}
}

// Result is a request that has ended.
type Result struct {
	Request
	Outcome Outcome
	Bytes   int64 // of the file that were sent
	Took    time.Duration
	Err     error // why it was not sent; nil when it was
}

// Giver has the files. It is called by several goroutines at once.
type Giver interface {
	// Give returns a file. The error is ErrNotFound, ErrForbidden, or another one, which
	// clients do not learn.
	Give(ctx context.Context, r Request) (File, error)
	// Ended is told of each request once.
	Ended(r Result)
}

// Limits bound what clients may take of the host. Loopback addresses are bounded only
// with all others: a proxy there speaks for many phones.
type Limits struct {
	All        int // transfers, and connections, at the same time
	PerAddress int // of them, from one address
	// Rate is the number of requests a second from one address, and Burst how many of
	// them may come at once: a phone asks for some thirty files when it boots.
	Rate, Burst int
	// Stalled is how long a client may take nothing of a file.
	Stalled time.Duration
	// Slowest is how many bytes a second a client must take, on average, after Stalled.
	Slowest int64
}

// DefaultLimits are those for phones.
func DefaultLimits() Limits {
	return Limits{All: 4096, PerAddress: 64, Rate: 100, Burst: 1000, Stalled: 15 * time.Second, Slowest: 1 << 10}
}

// Config is what both servers run with.
type Config struct {
	Giver  Giver
	Limits Limits
	Log    *slog.Logger
}
