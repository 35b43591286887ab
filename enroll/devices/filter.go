package devices

import (
	"strings"

	"capf/store"
)

// Filter is a property of a device by which it is selected. What each filter limits
// is a field of store.DeviceFilter, whose name in JSON is that of the filter.
type Filter struct {
	Name   string
	Usage  string // of the flag
	Switch bool   // the flag takes no value

	read func(f *store.DeviceFilter, text string) error
	of   func(store.DeviceFilter) string
}

// filter returns a filter for a field whose values are read by parse.
func filter[T ~string](name, usage string, at func(*store.DeviceFilter) *T, parse func(string) (T, error)) Filter {
	return Filter{
		Name: name, Usage: usage,
		read: func(f *store.DeviceFilter, text string) (err error) {
			*at(f), err = parse(text)
			return err
		},
		of: func(f store.DeviceFilter) string { return string(*at(&f)) },
	}
}

// either returns a filter that is on or off.
func either(name, usage string, at func(*store.DeviceFilter) *bool) Filter {
	return Filter{
		Name: name, Usage: usage, Switch: true,
		read: func(f *store.DeviceFilter, _ string) error {
			*at(f) = true
			return nil
		},
		of: func(f store.DeviceFilter) string {
			if *at(&f) {
				return "yes"
			}
			return ""
		},
	}
}

// pattern accepts every text: * stands for any letters in it, and ? for one.
func pattern(text string) (string, error) { return text, nil }

// Flag returns the filter's name with hyphens, as flags and descriptions have it.
func (f Filter) Flag() string { return strings.ReplaceAll(f.Name, "_", "-") }

// Read limits the devices to those of the value, of which a switch has none. ErrValue:
// there is no such value.
func (f Filter) Read(to *store.DeviceFilter, text string) error { return f.read(to, text) }

// Of returns the value to which the devices are limited; "" if they are not.
func (f Filter) Of(all store.DeviceFilter) string { return f.of(all) }
