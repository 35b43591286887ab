package commands

import (
	"context"
	"encoding/pem"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"capf/store"
)

type csrShowOptions struct {
	id  int64
	pem bool
}

func csrShowCommand() command {
	return command{
		name: "show", args: "ID", short: "show a request",
		about: `With --pem, the certificate request is printed, or the public key when the
phone did not prove that it has the private one.`,
		example: "capf csr show 1",
		output:  object,
		flags:   []cli.Flag{&cli.BoolFlag{Name: "pem", Usage: "print the request or the public key as PEM"}},
		run: func(env *Env, c *cli.Context) error {
			id, err := parseID(c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("pem") && c.Bool("json") {
				return usagef("--pem and --json exclude each other")
			}
			return csrShow(c.Context, env, csrShowOptions{id, c.Bool("pem")})
		},
	}
}

func csrShow(ctx context.Context, env *Env, o csrShowOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	r, err := s.Request(ctx, o.id)
	if err != nil {
		return err
	}
	if o.pem {
		_, err := fmt.Fprint(env.out, requestPEM(r))
		return err
	}
	fields := fieldsOf(requestColumns, r)
	return showObject(env, append(fields,
		field{"Key SHA-256", "", r.KeyHash}, field{"Sent from", "", r.Address}, field{"Reason", "", r.Reason},
		field{"", "pem", requestPEM(r)}))
}

// requestPEM is the PKCS#10 request, or the bare key of a phone that signs none.
func requestPEM(r store.Request) string {
	if r.CSR != nil {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: r.CSR}))
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: r.PublicKey}))
}

// fieldsOf shows one row of a list by itself.
func fieldsOf[T any](columns []column[T], row T) []field {
	fields := make([]field, len(columns))
	for i, c := range columns {
		fields[i] = field{c.title, c.key, c.value(row)}
	}
	return fields
}

func parseID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, usagef("%q is not an id", s)
	}
	return id, nil
}

// parseIDs reads the arguments of a command that takes ids or the word all; it
// returns nil for the word.
func parseIDs(args []string) ([]int64, error) {
	if len(args) == 1 && args[0] == "all" {
		return nil, nil
	}
	var ids []int64
	for _, a := range args {
		id, err := parseID(a)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
