package commands

import (
	"cmp"
	"fmt"

	"capf/commands/internal/files"
	"capf/internal/apperr"
)

// door leads to the files that an operator names.
func (env *Env) door() files.Door {
	if env.confined != nil {
		return env.confined.Files
	}
	return files.System{}
}

// certificateLimit is the most that is read of a file with certificates, in bytes:
// more than any chain of them.
const certificateLimit = 4 << 20

// readInput reads a file, or stdin when its name is "-", up to a limit in bytes.
func (env *Env) readInput(name string, limit int64) ([]byte, error) {
	return files.Read(env.door(), env.Stdin, name, limit)
}

// readSecret reads a secret from a file or stdin.
func (env *Env) readSecret(name string) (string, error) {
	return files.ReadSecret(env.door(), env.Stdin, name)
}

// writeOutput writes a result to a file, or to stdout when its name is "-" or
// empty. Force replaces a file that exists where that has to be said.
func (env *Env) writeOutput(name string, force bool, data []byte) error {
	if name == "" || name == "-" {
		_, err := env.out.Write(data)
		return err
	}
	return files.Write(env.door(), name, force, data)
}

// writeBinary is writeOutput for data that would garble a terminal.
func writeBinary(env *Env, name string, force bool, data []byte) error {
	if (name == "" || name == "-") && env.screen {
		return apperr.WithHint(apperr.Usage("refusing to write DER to the terminal"), "--out FILE writes it to a file; a pipe takes it too")
	}
	return env.writeOutput(name, force, data)
}

// flushSecret brings a secret that was printed, with err, to whoever is to read it.
// Its error does not wrap that of the output: a closed pipe is no failure otherwise.
func flushSecret(env *Env, err error, hint string, args ...any) error {
	if err = cmp.Or(err, env.flush()); err != nil {
		unseen := fmt.Errorf("the new secret is in force, but could not be shown: %v", apperr.WithoutPath(err))
		return apperr.WithHint(unseen, hint, args...)
	}
	return nil
}
