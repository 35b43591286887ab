package onlineca

import "time"

// State is the state of a request at the CA.
type State string

// The states in which a CA leaves a request that it did not refuse.
const (
	Issued  State = "issued"
	Pending State = "pending"
)

// Answer is what a CA says about a request.
type Answer struct {
	State State

	// RequestID is Microsoft's number of the request, at most ten digits;
	// empty for EST.
	RequestID string

	// RetryAfter is how long to wait before asking about a pending request;
	// zero when the CA does not say.
	RetryAfter time.Duration

	// Leaf is the certificate in DER. It is nil after a Submit to a Microsoft
	// CA, even when that has issued: Fetch returns it.
	Leaf []byte

	// Chain holds the other certificates that the CA sent, in DER, from the
	// leaf's issuer upwards, as far as they are linked by name.
	Chain [][]byte
}
