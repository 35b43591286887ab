package commands

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/store"
)

// phonePort is the port of CAPF unless the server's address names another.
const phonePort = "3804"

// phoneFlags describe the phone and the server, for all phone commands.
func phoneFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "server", Value: cli.NewStringSlice("localhost:" + phonePort), Usage: "`HOST[:PORT]` of the server; may be repeated"},
		&cli.StringFlag{Name: "capf-cert", Usage: "verify the server with the certificate in `FILE`"},
		&cli.StringFlag{Name: "auth-string-file", Usage: "read the authentication string from `FILE` (- is stdin); without it, the null string"},
		&cli.StringFlag{Name: "existing-cert", Usage: "authenticate with the certificate in `FILE`"},
		&cli.StringFlag{Name: "existing-key", Usage: "`FILE` with the key of the existing certificate"},
		&cli.StringFlag{Name: "existing-type", Value: "lsc", Usage: "`TYPE` of the existing certificate: lsc or mic"},
		&cli.StringFlag{Name: "sudi-cert", Usage: "also show the MIC in `FILE`, bound to the session"},
		&cli.StringFlag{Name: "sudi-key", Usage: "`FILE` with the key of the MIC"},
		&cli.StringFlag{Name: "protocol", Value: "3", Usage: "`VERSION` of the protocol: 3, or 2 as softphones have it"},
		&cli.StringFlag{Name: "ip-mode", Value: string(store.TwoStack), Usage: "`MODE`: " + strings.Join(store.IPModes(), ", ")},
		&cli.StringFlag{Name: "tls-min", Usage: "lowest TLS `VERSION`: 1.0, 1.1, 1.2, 1.3"},
		&cli.StringFlag{Name: "tls-max", Usage: "highest TLS `VERSION`: 1.0, 1.1, 1.2, 1.3; 1.0 makes it a 79xx"},
		&cli.StringFlag{Name: "attempts", Value: "3", Usage: "try `N` times when communication fails"},
		&cli.DurationFlag{Name: "retry-interval", Value: 30 * time.Second, Usage: "`TIME` between two attempts"},
		&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "`TIME` to wait for each answer of the server"},
		&cli.BoolFlag{Name: "progress", Usage: "report that a key is being generated, as hardware phones do"},
		&cli.BoolFlag{Name: "abort", Usage: "abort the operation when a key is asked for"},
		&cli.StringFlag{Name: "stop-after", Usage: "drop the connection after the `FRAME`, such as KEY_GENERATE_RESPONSE"},
		&cli.BoolFlag{Name: "trace", Usage: "show each frame on stderr, without the authentication string"},
	}
}

// phoneConfig describes the phone that the flags mean.
func phoneConfig(env *Env, c *cli.Context) (cfg phone.Config, err error) {
	cfg = phone.Config{
		Device: devices.Spelled(c.Args().First()), Progress: c.Bool("progress"), Abort: c.Bool("abort"),
		Interval: c.Duration("retry-interval"), Timeout: c.Duration("timeout"),
	}
	if cfg.Servers, err = hostsOf(c, "server", phonePort); err != nil {
		return cfg, err
	}
	if cfg.TLS, err = phoneTLS(c); err != nil {
		return cfg, err
	}
	if err := phoneProtocol(c, &cfg); err != nil {
		return cfg, err
	}
	if c.Bool("trace") {
		cfg.Observe = func(sent bool, f wire.Frame) { traceFrame(env, sent, f) }
	}
	return cfg, phoneProofs(env, c, &cfg)
}

func phoneProtocol(c *cli.Context, cfg *phone.Config) error {
	switch c.String("protocol") {
	case "2":
		cfg.Version = 2
	case "3":
		cfg.Version = 3
	default:
		return apperr.Usage("--protocol: %q is not 2 or 3", c.String("protocol"))
	}
	mode, err := store.ParseIPMode(c.String("ip-mode"))
	if err != nil {
		return apperr.Usage("--ip-mode: %v", err)
	}
	cfg.IPMode = map[store.IPMode]phone.IPMode{
		store.TwoStack: phone.TwoStack, store.IPv4Only: phone.IPv4Only, store.IPv6Only: phone.IPv6Only,
	}[mode]
	if cfg.Attempts, err = number(c.String("attempts")); err != nil {
		return apperr.Usage("--attempts: %v", err)
	}
	if cfg.Interval <= 0 || cfg.Timeout <= 0 {
		return apperr.Usage("--retry-interval and --timeout must be longer than 0")
	}
	cfg.StopAfter, err = parsed(c, "stop-after", parseFrame)
	return err
}

// parseFrame finds a frame of the protocol by its name.
func parseFrame(s string) (wire.Command, error) {
	var names []string
	for f := wire.CmdAuthRequest; f <= wire.CmdSignCertificateResponse; f++ {
		if strings.EqualFold(s, f.String()) {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, apperr.WithHint(apperr.Usage("%q is not a frame", s), "%s", cmdline.DidYouMean(s, names, "it is one of "+strings.Join(names, ", ")))
}

// hostsOf are the servers that a flag names, with their ports.
func hostsOf(c *cli.Context, flag, port string) ([]string, error) {
	var servers []string
	for _, s := range c.StringSlice(flag) {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), port)
		}
		if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
			return nil, apperr.Usage("--%s: %q is not HOST or HOST:PORT", flag, s)
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// tlsNames are the versions of TLS in order.
var tlsNames = []string{"1.0", "1.1", "1.2", "1.3"}

func parseTLS(s string) (uint16, error) {
	i := slices.Index(tlsNames, s)
	if i < 0 {
		return 0, apperr.Usage("%q is not one of %s", s, strings.Join(tlsNames, ", "))
	}
	return tls.VersionTLS10 + uint16(i), nil
}

// phoneTLS is the phone's TLS configuration. Below 1.2 it offers the suites of 79xx
// phones, which Go omits unless they are named.
func phoneTLS(c *cli.Context) (*tls.Config, error) {
	lowest, err := parsed(c, "tls-min", parseTLS)
	if err != nil {
		return nil, err
	}
	highest, err := parsed(c, "tls-max", parseTLS)
	if err != nil {
		return nil, err
	}
	if lowest == 0 && highest != 0 && highest < tls.VersionTLS12 {
		lowest = tls.VersionTLS10
	}
	if highest != 0 && lowest > highest {
		return nil, apperr.Usage("--tls-min is above --tls-max")
	}
	cfg := &tls.Config{MinVersion: lowest, MaxVersion: highest}
	if lowest != 0 && lowest < tls.VersionTLS12 {
		for _, s := range tls.CipherSuites() {
			cfg.CipherSuites = append(cfg.CipherSuites, s.ID)
		}
		cfg.CipherSuites = append(cfg.CipherSuites, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA)
	}
	return cfg, nil
}
