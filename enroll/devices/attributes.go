package devices

import (
	"slices"

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
	UniqueString bool
	// KeepString leaves a string alone that is in force. UniqueString then makes only
	// those that are missing.
	KeepString      bool
	KeyOrder        *store.KeyOrder
	RSABits, ECBits *int
	CompletesBy     *Deadline
}

// Attributes returns all attributes, in the order in which they are shown.
func Attributes() []Attribute { return slices.Clone(attributes) }

var attributes = []Attribute{
	text(Attribute{Name: "description", Usage: "a free `TEXT`", Label: "Description", Column: "Description", Heading: "Description"},
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

// Filters returns the properties by which devices are selected, in the order in which
// help and the descriptions of jobs name them.
func Filters() []Filter { return slices.Clone(filters) }

var filters = []Filter{
	filter("description", "only devices whose description matches the `PATTERN`", func(f *store.DeviceFilter) *string { return &f.Description }, pattern),
	filter("pool", "only the device `POOL`, or those that match", func(f *store.DeviceFilter) *string { return &f.Pool }, pattern),
	filter("model", "only the `MODEL`, or those that match", func(f *store.DeviceFilter) *string { return &f.Model }, pattern),
	filter("operation", "only devices with the `OPERATION` scheduled", func(f *store.DeviceFilter) *store.Operation { return &f.Operation }, store.ParseOperation),
	filter("status", "only the certificate operation `STATUS`", func(f *store.DeviceFilter) *store.Status { return &f.Status }, store.ParseStatus),
	filter("auth_mode", "only the authentication `MODE`", func(f *store.DeviceFilter) *store.AuthMode { return &f.AuthMode }, store.ParseAuthMode),
	either("failed", "only devices whose last operation failed", func(f *store.DeviceFilter) *bool { return &f.Failed }),
	either("late", "only devices whose operation should be complete by now", func(f *store.DeviceFilter) *bool { return &f.Late }),
	either("no_auth_string", "only devices without an authentication string", func(f *store.DeviceFilter) *bool { return &f.NoString }),
	either("locked", "only devices that are locked after too many failures", func(f *store.DeviceFilter) *bool { return &f.Locked }),
	either("waiting", "only devices whose request waits for a certificate from a CA", func(f *store.DeviceFilter) *bool { return &f.Waiting }),
}
