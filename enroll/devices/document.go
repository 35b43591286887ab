package devices

import (
	"encoding/json"
	"fmt"

	"capf/store"
)

// document is an edit as a job or a template keeps it. An authentication
// string is kept beside it, sealed.
type document struct {
	Description  *string             `json:"description,omitempty"`
	Model        *string             `json:"model,omitempty"`
	Pool         *string             `json:"pool,omitempty"`
	SecurityMode *store.SecurityMode `json:"security_mode,omitempty"`
	IPMode       *store.IPMode       `json:"ip_mode,omitempty"`
	Operation    *store.Operation    `json:"operation,omitempty"`
	AuthMode     *store.AuthMode     `json:"auth_mode,omitempty"`
	KeyOrder     *store.KeyOrder     `json:"key_order,omitempty"`
	RSABits      *int                `json:"rsa_bits,omitempty"`
	ECBits       *int                `json:"ec_bits,omitempty"`
	CompletesBy  *Deadline           `json:"completes_by,omitempty"`
	NoString     bool                `json:"no_string,omitempty"`
	UniqueString bool                `json:"unique_strings,omitempty"`
	Partial      bool                `json:"partial,omitempty"`
}

// Save writes an edit as a document. Its string is sealed under the label; nil
// when there is none. Partial is what bulk.Update says.
func (r *Rules) Save(e Edit, partial bool, label string) (text string, sealed []byte, err error) {
	b, err := json.Marshal(document{
		e.Description, e.Model, e.Pool, e.SecurityMode, e.IPMode, e.Operation, e.AuthMode,
		e.KeyOrder, e.RSABits, e.ECBits, e.CompletesBy, e.NoString, e.UniqueString, partial,
	})
	if err == nil && e.String != nil {
		sealed, err = r.Sealer.Seal(label, []byte(*e.String))
	}
	if err != nil {
		return "", nil, fmt.Errorf("keeping the settings: %w", err)
	}
	return string(b), sealed, nil
}

// Load is the reverse of Save.
func (r *Rules) Load(label, text string, sealed []byte) (Edit, error) {
	e, _, err := Read(text)
	if err != nil || sealed == nil {
		return e, err
	}
	secret, err := r.Sealer.Open(label, sealed)
	if err != nil {
		return e, err
	}
	s := string(secret)
	e.String = &s
	return e, nil
}

// Read reads a document without its string.
func Read(text string) (e Edit, partial bool, err error) {
	var s document
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Edit{}, false, fmt.Errorf("reading the kept settings: %w", err)
	}
	return Edit{
		Description: s.Description, Model: s.Model, Pool: s.Pool, SecurityMode: s.SecurityMode, IPMode: s.IPMode,
		Operation: s.Operation, AuthMode: s.AuthMode, KeyOrder: s.KeyOrder, RSABits: s.RSABits, ECBits: s.ECBits,
		CompletesBy: s.CompletesBy, NoString: s.NoString, UniqueString: s.UniqueString,
	}, s.Partial, nil
}
