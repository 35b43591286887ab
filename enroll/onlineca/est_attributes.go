package onlineca

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/http"
	"time"

	"capf/crypto/certfile"
)

// How long to wait before asking an EST server again which attributes it wants:
// after an answer, and after none. In the second case a phone has waited in vain,
// and the next ones should not.
const (
	attributesAge  = 10 * time.Minute
	attributesRest = time.Minute
)

// challengePassword is the attribute by which an EST server wants a request bound
// to its TLS connection (RFC 7030, 3.5 and 4.5.2).
var challengePassword = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}

// wanted returns the types of the attributes that the server wants in requests, none
// if it does not say. A server that cannot be asked now is assumed to want what it
// wanted before: it decides about the request anyway.
func (e *est) wanted(ctx context.Context) []asn1.ObjectIdentifier {
	e.mu.Lock()
	known, asked := e.attributes, e.asked
	e.mu.Unlock()
	if !asked.IsZero() && e.config.Now().Sub(asked) < attributesAge {
		return known
	}
	c := call{doing: "asking for the attributes of requests", method: http.MethodGet, path: e.path("csrattrs")}
	r, err := e.transport.do(ctx, c)
	if err != nil {
		if ctx.Err() == nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.asked = e.config.Now().Add(attributesRest - attributesAge)
		}
		return known
	}
	known = nil
	if r.status == http.StatusOK && len(r.body) > 0 {
		if known, err = attributeTypes(r.body); err != nil {
			e.config.Log.Warn("EST server says what it wants in requests, but not in a way that can be read", "host", e.config.Host, "reason", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.attributes, e.asked = known, e.config.Now()
	return known
}

// attributeTypes reads CsrAttrs (RFC 7030, 4.5.2): a sequence of identifiers, alone
// or with values.
func attributeTypes(body []byte) ([]asn1.ObjectIdentifier, error) {
	der := body
	if body[0] != 0x30 { // base64 then; that of a sequence begins with M
		var err error
		if der, err = certfile.Base64(body); err != nil {
			return nil, errors.New("neither DER nor base64")
		}
	}
	var list []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &list); err != nil {
		return nil, fmt.Errorf("reading CsrAttrs: %w", err)
	}
	var types []asn1.ObjectIdentifier
	for _, one := range list {
		text := one.FullBytes
		if one.Tag == asn1.TagSequence && one.IsCompound {
			text = one.Bytes
		}
		var id asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(text, &id); err != nil {
			return nil, fmt.Errorf("reading CsrAttrs: %w", err)
		}
		types = append(types, id)
	}
	return types, nil
}
