package commands

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

type phoneConfigDecryptOptions struct {
	file, key, signer, out string
	held                   []string
	force                  bool
}

func phoneConfigDecryptCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "decrypt", Args: "FILE", Short: "write out the plain file in an encrypted or a signed one",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `FILE (- is stdin) ends in .enc.sgn, and was encrypted to the LSC or MIC whose private
key --key names, as by capf, CUCM or certutils. A file that is signed only, .sgn,
needs no key. The digest of the plain file is always checked, the signature with the
certificate of --signer, or with the lists of the phone that --held names.`,
		Example: "capf phone-config decrypt SEP001122334455.cnf.xml.enc.sgn --key phone.key --signer tftp.crt",
		NoStore: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "`FILE` with the private key of the phone's certificate, PEM"},
			&cli.StringFlag{Name: "signer", Usage: "`FILE` with the certificate of the server that signed it"},
			heldFlag(),
			&cli.StringFlag{Name: "out", Usage: "write to `FILE` in place of stdout"},
			forceFlag(),
		},
		Run: func(c *cli.Context) error {
			return phoneConfigDecrypt(env, phoneConfigDecryptOptions{c.Args().First(), c.String("key"), c.String("signer"), c.String("out"), c.StringSlice("held"), c.Bool("force")})
		},
	}
}

func phoneConfigDecrypt(env *Env, o phoneConfigDecryptOptions) error {
	if o.signer != "" && len(o.held) > 0 {
		return apperr.Usage("--signer and --held exclude each other")
	}
	f, err := readTrustFile(env, o.file)
	switch {
	case err != nil:
		return err
	case f.file == nil:
		return apperr.WithHint(apperr.Refused("%s is a trust list, and no signed file", files.InputName(o.file)), "capf trust-list show shows it")
	}
	if err := checkSigner(env, o, f.file); err != nil {
		return fmt.Errorf("reading %s: %w", files.InputName(o.file), err)
	}
	plain, err := plainOf(env, o, f.file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", files.InputName(o.file), err)
	}
	return env.writeOutput(o.out, o.force, plain)
}

// checkSigner verifies the signature, or says that it was not.
func checkSigner(env *Env, o phoneConfigDecryptOptions, f *trustlist.File) error {
	if o.signer != "" {
		der, err := phoneCertificate(env, o.signer)
		if err != nil {
			return err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		if err := f.Verify(cert); err != nil {
			return apperr.Refused("its signature is not that of --signer: %v", err)
		}
		return nil
	}
	held, err := readHeld(env, o.held)
	switch {
	case err != nil:
		return err
	case len(held) == 0:
		env.warn([]string{"the signature was not verified; --signer or --held says with what"})
		return nil
	}
	if v := trustlist.JudgeFile(held, f); v.Outcome != trustlist.Accepted {
		return apperr.Refused("a phone with these lists would not take it: %s: %s", v.Outcome, v.Reason)
	}
	return nil
}

func plainOf(env *Env, o phoneConfigDecryptOptions, f *trustlist.File) ([]byte, error) {
	switch {
	case f.Encryption == nil && o.key != "":
		return nil, apperr.WithHint(apperr.Refused("it is signed, and not encrypted"), "leave out --key")
	case f.Encryption == nil:
		return f.Body, nil
	case o.key == "":
		return nil, apperr.WithHint(apperr.Usage("it is encrypted"), "--key names the private key of the phone's LSC or MIC")
	}
	key, err := phoneKey(env, o.key)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, apperr.Refused("files are encrypted to RSA keys of 1024 bits or more, and %s is another one", files.InputName(o.key))
	}
	plain, err := f.Decrypt(private)
	if err != nil {
		return nil, apperr.Refused("%v", err)
	}
	return plain, nil
}
