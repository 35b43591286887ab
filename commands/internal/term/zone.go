package term

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // for a system that has no zones of its own

	"capf/internal/apperr"
)

// UseZone makes the zone of the variable TZ the local one. Package time knows the
// names of zones, but silently takes a POSIX rule or a misspelt name for UTC.
func UseZone(tz string) error {
	name := strings.TrimPrefix(tz, ":")
	switch {
	case name == "":
		return nil // the zone of the system, which package time has found
	case strings.HasPrefix(name, "/"):
		data, err := os.ReadFile(name)
		if err == nil {
			_, err = time.LoadLocationFromTZData(name, data)
		}
		if err == nil {
			return nil
		}
	default:
		if _, err := time.LoadLocation(name); err == nil && name != "Local" {
			return nil
		}
	}
	zone, ok := ruledZone(name)
	if !ok {
		return apperr.WithHint(apperr.Usage("TZ is %s, which is no time zone", strconv.Quote(tz)),
			"write a name such as Europe/Berlin, or a rule such as CET-1CEST,M3.5.0,M10.5.0/3")
	}
	time.Local = zone
	return nil
}

// ruledZone is the zone of a rule of POSIX such as CET-1CEST,M3.5.0,M10.5.0/3.
// Package time reads such rules, but only at the end of the files of zones
// (RFC 9636), so this makes one without a single change of time before it.
func ruledZone(rule string) (*time.Location, bool) {
	if strings.Contains(rule, "\n") {
		return nil, false
	}
	const unruled = "?" // no rule has a name of fewer than three letters
	header := func(types, letters uint32) []byte {
		h := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, 0, types, letters} {
			h = binary.BigEndian.AppendUint32(h, n)
		}
		return h
	}
	file := append(header(0, 0), header(1, uint32(len(unruled)+1))...)
	file = append(file, 0, 0, 0, 0, 0, 0) // one type of local time: no offset, no summer time, the first name
	file = append(file, unruled+"\x00"+"\n"+rule+"\n"...)
	zone, err := time.LoadLocationFromTZData("Local", file)
	if err != nil {
		return nil, false
	}
	name, _ := time.Unix(0, 0).In(zone).Zone()
	return zone, name != unruled
}
