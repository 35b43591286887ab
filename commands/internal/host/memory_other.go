//go:build !linux

package commands

// keepMemory does nothing where the service is not meant to run.
func keepMemory() error { return nil }
