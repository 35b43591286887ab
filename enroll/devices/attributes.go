package devices

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"capf/internal/input"
	"capf/store"
)

// Edit is what an operator wants to change about a device; nil fields stay
// as they are.
type Edit struct {
	Description, Model, Pool *string
	SecurityMode             *store.SecurityMode
	IPMode                   *store.IPMode
	Operation                *store.Operation
	AuthMode                 *store.AuthMode
	String                   *string // the authentication string
	NoString                 bool    // removes it
	// UniqueString gives each of many devices its own string. Whoever edits one
	// device generates it and puts it into String.
	UniqueString    bool
	KeyOrder        *store.KeyOrder
	RSABits, ECBits *int
	CompletesBy     *Deadline
}

// Attribute is an attribute of a device that an operator can set, with its
// names wherever it is given or shown: flags, lists, CSV files, templates
// and jobs.
type Attribute struct {
	Name    string // in JSON, and with hyphens as a flag
	Usage   string // of the flag
	Clears  bool   // can be taken away
	Label   string // where one device is shown
	Column  string // in lists; "" where only JSON and CSV have it
	Short   string // in a list of changes
	Heading string // in CSV files, as the vendor has it where that is known
	Also    []string
	Secret  bool // the authentication string, which is never shown, and stored only sealed
	Text    bool // any one-line text

	scheduled bool // set by Rules.schedule, with all its consequences
	of        func(*store.Device) any
	at        func(*Edit) any // the field of an edit: a pointer to a pointer
	given     func(*Edit) any // its value; nil when the edit does not set it
	read      func(e *Edit, text string, now time.Time) error
	apply     func(*store.Device, *Edit)
	drop      func(*Edit, *store.Device)
	over      func(e, other *Edit)
}

// Attributes returns all attributes, in the order in which they are shown.
func Attributes() []Attribute { return slices.Clone(attributes) }

var attributes = []Attribute{
	text(Attribute{Name: "description", Usage: "a `TEXT` for people", Label: "Description", Column: "Description", Heading: "Description"},
		func(e *Edit) **string { return &e.Description }, func(d *store.Device) *string { return &d.Description }),
	text(Attribute{Name: "model", Usage: "the `MODEL`, such as 8861", Label: "Model", Column: "Model", Heading: "Model", Also: []string{"device type", "phone model"}},
		func(e *Edit) **string { return &e.Model }, func(d *store.Device) *string { return &d.Model }),
	text(Attribute{Name: "pool", Usage: "the device `POOL`", Label: "Device pool", Column: "Pool", Heading: "Device Pool"},
		func(e *Edit) **string { return &e.Pool }, func(d *store.Device) *string { return &d.Pool }),
	word(Attribute{Name: "security_mode", Usage: oneOf("`MODE`", store.SecurityModes()), Label: "Device security mode", Heading: "Device Security Mode"},
		func(e *Edit) **store.SecurityMode { return &e.SecurityMode }, func(d *store.Device) *store.SecurityMode { return &d.SecurityMode }, store.ParseSecurityMode),
	word(Attribute{Name: "ip_mode", Usage: oneOf("`MODE`", store.IPModes()), Label: "IP mode", Short: "IP mode", Heading: "IP Addressing Mode"},
		func(e *Edit) **store.IPMode { return &e.IPMode }, func(d *store.Device) *store.IPMode { return &d.IPMode }, store.ParseIPMode),
	word(Attribute{Name: "operation", Usage: oneOf("schedule the `OPERATION`", store.Operations()), Label: "Certificate operation", Column: "Operation", Heading: "Certificate Operation", scheduled: true},
		func(e *Edit) **store.Operation { return &e.Operation }, func(d *store.Device) *store.Operation { return &d.Operation }, store.ParseOperation),
	word(Attribute{Name: "auth_mode", Usage: oneOf("`MODE`", store.AuthModes()), Label: "Authentication mode", Column: "Authentication", Heading: "Authentication Mode"},
		func(e *Edit) **store.AuthMode { return &e.AuthMode }, func(d *store.Device) *store.AuthMode { return &d.AuthMode }, store.ParseAuthMode),
	{Name: "auth_string", Clears: true, Label: "Authentication string set", Heading: "Authentication String", Secret: true},
	word(Attribute{Name: "key_order", Usage: oneOf("`ORDER`", store.KeyOrders()), Label: "Key order", Heading: "Key Order"},
		func(e *Edit) **store.KeyOrder { return &e.KeyOrder }, func(d *store.Device) *store.KeyOrder { return &d.KeyOrder }, store.ParseKeyOrder),
	word(Attribute{Name: "rsa_bits", Usage: "`SIZE` of an RSA key: 512, 1024, 2048, 3072, 4096", Label: "RSA key size", Short: "RSA key size",
		Heading: "Key Size", Also: []string{"rsa key size", "key size (bits)"}},
		func(e *Edit) **int { return &e.RSABits }, func(d *store.Device) *int { return &d.RSABits }, bits),
	word(Attribute{Name: "ec_bits", Usage: "`SIZE` of an EC key: 256, 384, 521", Label: "EC key size", Short: "EC key size",
		Heading: "EC Key Size", Also: []string{"ec key size (bits)"}},
		func(e *Edit) **int { return &e.ECBits }, func(d *store.Device) *int { return &d.ECBits }, bits),
	completesBy(),
}

// oneOf returns the usage of a flag that takes one of several words.
func oneOf(what string, words []string) string { return what + ": " + strings.Join(words, ", ") }

// bits reads the size of a key. Rules.Edit checks which sizes exist.
func bits(text string) (int, error) {
	n, err := input.Number(text, 1, 1<<16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of bits", text)
	}
	return n, nil
}

// word returns an attribute whose values are read by parse.
func word[T comparable](a Attribute, at func(*Edit) **T, of func(*store.Device) *T, parse func(string) (T, error)) Attribute {
	if a.Short == "" {
		a.Short = strings.ReplaceAll(a.Name, "_", " ")
	}
	a.at = func(e *Edit) any { return at(e) }
	a.of = func(d *store.Device) any { return *of(d) }
	a.given = func(e *Edit) any {
		if v := *at(e); v != nil {
			return *v
		}
		return nil
	}
	a.read = func(e *Edit, text string, _ time.Time) error {
		v, err := parse(text)
		if err == nil {
			*at(e) = &v
		}
		return err
	}
	a.apply = func(d *store.Device, e *Edit) { set(of(d), *at(e)) }
	a.drop = func(e *Edit, d *store.Device) { drop(at(e), *of(d)) }
	a.over = func(e, other *Edit) { over(at(e), *at(other)) }
	return a
}

// text returns an attribute that takes any one-line text. Surrounding blanks do
// not count, and the empty text means none.
func text(a Attribute, at func(*Edit) **string, of func(*store.Device) *string) Attribute {
	a.Text, a.Clears = true, true
	a = word(a, at, of, func(s string) (string, error) { return s, nil })
	a.apply = func(d *store.Device, e *Edit) { setText(of(d), *at(e)) }
	a.drop = func(e *Edit, d *store.Device) { dropText(at(e), *of(d)) }
	a.over = func(e, other *Edit) { overText(at(e), *at(other)) }
	return a
}

// completesBy is a moment in a device, and a moment or a span in an edit.
func completesBy() Attribute {
	return Attribute{
		Name: "completes_by", Usage: "`TIME` until which the operation is valid: 2027:01:31:18:00, RFC 3339, +10d",
		Label: "Operation completes by", Column: "Completes by", Heading: "Operation Completes By", scheduled: true,
		at: func(e *Edit) any { return &e.CompletesBy },
		of: func(d *store.Device) any { return d.CompletesBy },
		given: func(e *Edit) any {
			if e.CompletesBy == nil {
				return nil
			}
			if t, ok := e.CompletesBy.Moment(); ok {
				return t
			}
			return e.CompletesBy.String()
		},
		read: func(e *Edit, text string, now time.Time) error {
			by, err := ParseDeadline(text, now)
			if err == nil {
				e.CompletesBy = &by
			}
			return err
		},
		over: func(e, other *Edit) { over(&e.CompletesBy, other.CompletesBy) },
	}
}

// Flag returns the name of the flag, which is also the attribute's name in
// events.
func (a Attribute) Flag() string { return strings.ReplaceAll(a.Name, "_", "-") }

// Read puts a value into the edit. Spans of time begin now.
func (a Attribute) Read(e *Edit, text string, now time.Time) error { return a.read(e, text, now) }

// Of returns the device's value. For a secret it says whether there is one.
func (a Attribute) Of(d store.Device) any {
	if a.Secret {
		return d.SealedString != nil
	}
	return a.of(&d)
}

// Given returns the value in the edit, nil when the edit does not set it.
func (a Attribute) Given(e Edit) any { return a.given(&e) }

// Clear removes the attribute's value.
func (a Attribute) Clear(e *Edit) {
	if a.Secret {
		e.NoString = true
		return
	}
	_ = a.read(e, "", time.Time{}) // only a text is cleared, and the empty one is one
}

// Describe names what the edit changes, for the record: never the string.
func (e Edit) Describe() string {
	var parts []string
	for _, a := range attributes {
		switch {
		case a.Secret && e.String != nil:
			parts = append(parts, a.Flag()+"=(set)")
		case a.Secret && e.NoString:
			parts = append(parts, a.Flag()+"=(removed)")
		case a.Secret:
		case a.Name == "completes_by" && e.CompletesBy != nil:
			parts = append(parts, a.Flag()+"="+e.CompletesBy.String())
		case a.given(&e) != nil:
			parts = append(parts, fmt.Sprintf("%s=%v", a.Flag(), a.given(&e)))
		}
	}
	if e.UniqueString {
		parts = append(parts, "auth-string=(unique)")
	}
	return strings.Join(parts, " ")
}

// document returns the edit as a job or a template stores it: the names of
// the attributes with their values. An authentication string is stored
// separately, sealed.
func (e Edit) document() map[string]any {
	doc := map[string]any{}
	for _, a := range attributes {
		if !a.Secret && a.given(&e) != nil {
			doc[a.Name] = a.at(&e)
		}
	}
	return doc
}

// fill is the reverse of document.
func (e *Edit) fill(doc map[string]json.RawMessage) error {
	for _, a := range attributes {
		if value, ok := doc[a.Name]; ok && !a.Secret {
			if err := json.Unmarshal(value, a.at(e)); err != nil {
				return fmt.Errorf("reading %s: %w", a.Name, err)
			}
		}
	}
	return nil
}
