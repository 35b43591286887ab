//go:build !linux

package commands

// KeepMemory does nothing on systems where the service is not meant to run.
func keepMemory() error { return nil }
