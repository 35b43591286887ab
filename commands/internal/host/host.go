// Package host is the system around the program, as the commands see it: who
// started it, which signals reach it, who may read its files and its memory, and
// systemd with its journal. It must not know what a command does.
package host
