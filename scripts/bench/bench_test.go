package main

import (
	"strings"
	"testing"
	"time"

	"capf/crypto"
)

func TestKeysAreDistinctAndOfTheirKind(t *testing.T) {
	t.Parallel()
	const n = 10
	pool, err := newKeyPool(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []crypto.KeyKind{crypto.RSA2048, crypto.EC256} {
		seen := map[[32]byte]bool{}
		for i := range n {
			key, err := pool.key(kind, i)
			if err != nil {
				t.Fatalf("%s %d: %v", kind, i, err)
			}
			spki, err := crypto.MarshalPublicKey(key.Public())
			if err != nil {
				t.Fatalf("%s %d: %v", kind, i, err)
			}
			if _, got, err := crypto.ParsePublicKey(spki); err != nil || got != kind {
				t.Errorf("%s %d is of kind %q: %v", kind, i, got, err)
			}
			seen[crypto.KeyHash(spki)] = true
		}
		if len(seen) != n {
			t.Errorf("%s: %d of %d keys are distinct", kind, len(seen), n)
		}
		if _, err := pool.key(kind, 1000); err == nil {
			t.Errorf("%s: there is a key number 1000", kind)
		}
	}
}

func TestDeviceNamesAreDistinct(t *testing.T) {
	t.Parallel()
	const n = 100_000
	seen := map[string]bool{}
	for i := range n {
		seen[deviceName(i)] = true
	}
	if len(seen) != n {
		t.Errorf("%d devices have %d names", n, len(seen))
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0},
		{hundred[:1], 50, 1},
		{hundred[:1], 99, 1},
		{hundred[:3], 50, 2},
		{hundred[:4], 50, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
	} {
		if got := percentile(c.sorted, c.p); got != c.want {
			t.Errorf("percentile %d of %d is %d, not %d", c.p, len(c.sorted), got, c.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	t.Parallel()
	mean, doubt := middle([]bound{{Signatures: 900, Signature: 2, Sync: 10}, {Signatures: 1100, Signature: 4, Sync: 20}})
	if want := (bound{1000, 3, 15}); mean != want || doubt < 0.099 || doubt > 0.101 {
		t.Errorf("the middle is %v, in doubt by %v", mean, doubt)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	g := table(&b, "phones", "±", "p50 ms")
	g.row("rsa-2048", percent(0.126), millis(1234567*time.Nanosecond))
	g.row("ec-256", percent(0), millis(0))
	g.end()
	const want = `phones       ±  p50 ms
rsa-2048  13 %    1.23
ec-256     0 %    0.00
`
	if b.String() != want {
		t.Errorf("the table is\n%s", b.String())
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"-clients 1,x", `-clients: "x" is not a number from 1 on`},
		{"-clients 0", `-clients: "0" is not a number from 1 on`},
		{"-devices 1000,-1", `-devices: "-1" is not a number from 0 on`},
		{"-runs -1", "-time, -runs, -attackers, -requests, -waiting: there is no such number"},
		{"-capf ./none", `-capf: there is no "./none"; make build makes it`},
		{"more", `"more" is no flag`},
	} {
		if _, err := parse(strings.Fields(c.args), t.Output()); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.args, err)
		}
	}
}
