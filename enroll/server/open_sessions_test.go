package server

import (
	"net/netip"
	"testing"
	"time"

	"capf/enroll/settings"
)

// TestMadeRoom: a session that had to make room while its phone was
// authenticating is not one that could make room once more: with it, the phone's
// next session would let one too many in.
func TestMadeRoom(t *testing.T) {
	t.Parallel()
	all := newOpenSessions(time.Minute)
	limits := settings.Settings{MaxSessions: 1}
	add := func(last byte) (*connection, refusal) {
		tcp, _ := pair(t)
		conn := newConnection(tcp, netip.AddrFrom4([4]byte{192, 0, 2, last}), Timeouts{})
		return conn, all.add(conn, limits)
	}
	displaced, _ := add(1)
	second, refused := add(2)
	if refused != "" || !displaced.wasCut(cutForRoom) {
		t.Fatalf("nobody made room: %q", refused)
	}
	all.identify(displaced, 7)
	all.identify(second, 7)
	if _, refused := add(3); refused != tooMany {
		t.Errorf("a third session was refused with %q, beside one that stays", refused)
	}
	all.remove(displaced)
	all.remove(second)
	if len(all.newest) != 0 || len(all.open) != 0 || all.unauthenticated.Len() != 0 || len(all.perNetwork) != 0 || len(all.perAddress) != 0 {
		t.Errorf("something is left: %+v", all)
	}
}
