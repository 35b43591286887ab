package onlineca

import "time"

// State is how far a request is at the CA.
type State string

// The states in which a CA leaves a request that it did not refuse.
const (
	Issued  State = "issued"
	Pending State = "pending"
)

// Answer is what a CA says of a request.
type Answer struct {
	State State

	// RequestID is Microsoft's number of the request, at most ten digits;
	// empty for EST.
	RequestID string

	// RetryAfter is how long a pending request should be left alone; zero when
	// the CA does not say.
	RetryAfter time.Duration

	// Leaf is the certificate in DER. It is nil after a Submit to a Microsoft
	// CA that issued: Fetch brings it.
	Leaf []byte

	// Chain is what the CA sent beside the leaf, in DER, the leaf's issuer
	// first, as far as the certificates are linked by name.
	Chain [][]byte
}
