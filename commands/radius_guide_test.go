package commands

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// radius is a FreeRADIUS server with the configuration of the guide.
type radius struct {
	*guide
	log bytes.Buffer // of the last server; read after it has ended
}

// trial starts the server, has it look at the LSCs of phones, and ends it: it
// reads its trusted certificates at the start only.
func (r *radius) trial(phones ...string) (said string) {
	r.Helper()
	out, in, err := os.Pipe()
	check(r, err)
	defer out.Close()
	program, err := exec.LookPath("freeradius")
	if err != nil {
		program = "/usr/sbin/freeradius" // not on everybody's PATH
	}
	server := r.command(program, "-d", "radius", "-n", "radiusd", "-f", "-xx", "-l", "stdout")
	server.Stdout, server.Stderr = in, in
	check(r, server.Start())
	in.Close()
	ready, ended := make(chan bool, 1), make(chan struct{})
	r.log.Reset()
	go func() {
		defer close(ended)
		chunk := make([]byte, 32<<10)
		for {
			n, err := out.Read(chunk)
			r.log.Write(chunk[:n])
			if bytes.Contains(r.log.Bytes(), []byte("Ready to process requests")) {
				select {
				case ready <- true:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() {
		server.Process.Kill()
		<-ended
		server.Wait()
	}()
	select {
	case <-ready:
	case <-ended:
		r.Fatalf("freeradius does not start:\n%s", r.log.Bytes())
	case <-time.After(5 * time.Minute):
		r.Fatal("freeradius does not get ready")
	}
	for _, phone := range phones {
		said += phone + " " + r.sh("./trial.sh "+phone)
	}
	return said
}

// freePort is a port that nobody uses just now.
func freePort(t *testing.T, network string) string {
	t.Helper()
	var address net.Addr
	if network == "udp" {
		c, err := net.ListenPacket(network, "127.0.0.1:0")
		check(t, err)
		defer c.Close()
		address = c.LocalAddr()
	} else {
		l, err := net.Listen(network, "127.0.0.1:0")
		check(t, err)
		defer l.Close()
		address = l.Addr()
	}
	_, port, err := net.SplitHostPort(address.String())
	check(t, err)
	return port
}

// nginx lets the phones in, and so does openssl.
func (g *guide) nginx(phones ...string) {
	g.Helper()
	g.sh(`PATH=$PATH:/usr/sbin; nginx -p "$PWD" -c nginx.conf`)
	defer g.sh(`PATH=$PATH:/usr/sbin; nginx -p "$PWD" -c nginx.conf -s stop`)
	for _, phone := range phones {
		said := g.sh(`openssl verify -purpose sslclient -x509_strict -CAfile radius/phones.pem ` + phone + `.pem
			printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect 127.0.0.1:$HTTPS_PORT -quiet -ign_eof -verify_return_error \
				-CAfile radius/server.pem -cert ` + phone + `.pem -key ` + phone + `.key 2>s_client.log`)
		if !strings.Contains(said, "hello CN="+phone+",") {
			g.Errorf("nginx says to %s\n%s", phone, said)
		}
	}
}

// TestRadiusGuide follows docs/802.1x.md: FreeRADIUS lets in a phone with an RSA
// key and one with an EC key, phones on either side of a new CAPF certificate,
// and those of one that a company CA has signed.
func TestRadiusGuide(t *testing.T) {
	t.Parallel()
	g := newGuide(t, "../docs/802.1x.md")
	g.env = []string{"RADIUS_PORT=" + freePort(t, "udp"), "HTTPS_PORT=" + freePort(t, "tcp")}
	r := &radius{guide: g}
	enrol := func(name, flags string) {
		t.Helper()
		g.sh("capf device add " + name + " --operation install " + flags)
		g.phone(name)()
	}
	enrol("SEP0000000000A1", "")
	enrol("SEP0000000000A2", "--key-order ec")
	g.follow("What a RADIUS server needs")
	g.follow("FreeRADIUS")
	g.follow("Try it")
	const first = "SEP0000000000A1 SUCCESS\nSEP0000000000A2 SUCCESS\n"
	if got := r.trial("SEP0000000000A1", "SEP0000000000A2"); got != first {
		t.Errorf("at first:\n%s", got)
	}

	g.follow("Proxies and web servers")
	g.nginx("SEP0000000000A1", "SEP0000000000A2")

	said := g.follow("When the CAPF certificate changes")
	if !strings.Contains(said, "2 phones have LSCs of it") {
		t.Errorf("regenerate says\n%s", said)
	}
	g.findServer()
	enrol("SEP0000000000A3", "")
	if got := r.trial("SEP0000000000A1", "SEP0000000000A2", "SEP0000000000A3"); got != first+"SEP0000000000A3 SUCCESS\n" {
		t.Errorf("with an old and a new certificate:\n%s", got)
	}
	// The export without the earlier certificate is what goes wrong.
	g.sh("capf cert export capf --out radius/phones.pem")
	if got := r.trial("SEP0000000000A1", "SEP0000000000A3"); got != "SEP0000000000A1 FAILURE\nSEP0000000000A3 SUCCESS\n" {
		t.Errorf("without the old certificate:\n%s", got)
	}

	g.follow("A CAPF certificate that a company CA has signed")
	g.findServer()
	enrol("SEP0000000000A4", "--key-order ec")
	if got := r.trial("SEP0000000000A1", "SEP0000000000A3", "SEP0000000000A4"); got != "SEP0000000000A1 SUCCESS\nSEP0000000000A3 SUCCESS\nSEP0000000000A4 SUCCESS\n" {
		t.Errorf("below a company CA:\n%s", got)
	}
	g.nginx("SEP0000000000A3", "SEP0000000000A4")

	// As the vendor's request asks for it, and as the guide warns of it.
	g.sh(`sed -i 's/serverAuth, clientAuth, ipsec/serverAuth, ipsec/' company.cnf
		openssl x509 -req -in capf.csr -CA company.pem -CAkey company.key -set_serial 4712 -days 1825 -extfile company.cnf -extensions capf -out narrow.pem 2>company.log
		if capf cert upload narrow.pem company.pem --purpose capf 2>refusal; then exit 1; fi
		grep -q 'extendedKeyUsage without clientAuth' refusal && grep -q accept-eku refusal
		capf cert upload narrow.pem company.pem --purpose capf --accept-eku
		capf status | grep 'extendedKeyUsage without clientAuth'
		capf check | grep 'extendedKeyUsage without clientAuth'
		capf cert export capf --out radius/phones.pem`)
	if got := r.trial("SEP0000000000A4"); got != "SEP0000000000A4 FAILURE\n" || !strings.Contains(r.log.String(), "unsuitable certificate purpose") {
		t.Errorf("below a certificate for servers only: %s", got)
	}
}
