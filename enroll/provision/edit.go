package provision

import (
	"encoding/json"
	"errors"
	"fmt"

	"capf/enroll"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Edit is what is to be different about each device of a selection.
type Edit struct {
	enroll.DeviceEdit // its String is one for all
	// Unique gives each device an authentication string of its own.
	Unique bool
	// Partial changes those devices that may be changed when others may not.
	Partial bool
}

// Empty says whether the edit changes nothing.
func (e Edit) Empty() bool { return e.DeviceEdit == enroll.DeviceEdit{} && !e.Unique }

// Describe names what the edit changes, never a string.
func (e Edit) Describe() string {
	text := e.DeviceEdit.Describe()
	if e.Unique {
		if text != "" {
			text += " "
		}
		text += "auth-string=(unique)"
	}
	return text
}

// savedEdit is an edit as a job or a template keeps it. An authentication
// string is kept beside it, sealed.
type savedEdit struct {
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
	CompletesBy  *enroll.Deadline    `json:"completes_by,omitempty"`
	NoString     bool                `json:"no_string,omitempty"`
	Unique       bool                `json:"unique_strings,omitempty"`
	Partial      bool                `json:"partial,omitempty"`
}

// save seals the string, if there is one, under the label.
func (e Edit) save(r *enroll.Rules, label string) (text string, sealed []byte, err error) {
	b, err := json.Marshal(savedEdit{
		e.Description, e.Model, e.Pool, e.SecurityMode, e.IPMode, e.Operation, e.AuthMode,
		e.KeyOrder, e.RSABits, e.ECBits, e.CompletesBy, e.NoString, e.Unique, e.Partial,
	})
	if err == nil && e.String != nil {
		sealed, err = r.Sealer.Seal(label, []byte(*e.String))
	}
	if err != nil {
		return "", nil, fmt.Errorf("keeping the settings: %w", err)
	}
	return string(b), sealed, nil
}

// loadEdit is the reverse of save.
func loadEdit(r *enroll.Rules, label, text string, sealed []byte) (Edit, error) {
	e, err := showEdit(text)
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

// showEdit reads an edit without its string.
func showEdit(text string) (Edit, error) {
	var s savedEdit
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return Edit{}, fmt.Errorf("reading the kept settings: %w", err)
	}
	return Edit{enroll.DeviceEdit{
		Description: s.Description, Model: s.Model, Pool: s.Pool, SecurityMode: s.SecurityMode, IPMode: s.IPMode,
		Operation: s.Operation, AuthMode: s.AuthMode, KeyOrder: s.KeyOrder, RSABits: s.RSABits, ECBits: s.ECBits,
		CompletesBy: s.CompletesBy, NoString: s.NoString,
	}, s.Unique, s.Partial}, nil
}

// check finds values that no device can take. What only some devices refuse is
// found when they are changed.
func (e Edit) check(r *enroll.Rules, s settings.Settings) error {
	if e.Unique && (e.String != nil || e.NoString) {
		return apperr.BadValue("a unique string for each device, one for all, and none exclude each other")
	}
	d, err := enroll.NewDevice("SEP000000000000")
	if err != nil {
		return err
	}
	sample := e.DeviceEdit
	if sample.Operation == nil && sample.CompletesBy != nil {
		install := store.Install // a time alone is for those that have an operation
		sample.Operation = &install
	}
	if err := r.Edit(&d, sample, s, true); errors.Is(err, apperr.ErrValue) {
		return err
	}
	return nil
}

// stringMaker makes authentication strings, no one twice.
type stringMaker struct {
	rules *enroll.Rules
	made  map[string]struct{}
}

func (m *stringMaker) next() (string, error) {
	for {
		s, err := m.rules.NewString()
		if err != nil {
			return "", err
		}
		if _, taken := m.made[s]; !taken {
			m.made[s] = struct{}{}
			return s, nil
		}
	}
}
