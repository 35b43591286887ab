package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/pin/tftp/v3"
)

// largestBlock fits into an Ethernet frame with either IP.
const largestBlock = 1428

// fetchTFTP fetches a file. The library knows no context: when ctx ends, fetchTFTP
// returns at once, and the library gives up within seconds.
func fetchTFTP(ctx context.Context, address, name string) ([]byte, error) {
	if strings.ContainsRune(name, 0) || len(name) > longestName {
		return nil, errors.New("TFTP carries no such name")
	}
	server, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	client, err := tftp.NewClient(server.String())
	if err != nil {
		return nil, err
	}
	client.SetTimeout(answerWait / 2)
	client.SetRetries(1)
	client.SetBackoff(func(int) time.Duration { return 0 })
	client.SetBlockSize(largestBlock)
	type outcome struct {
		file []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		file, err := receive(ctx, client, name)
		done <- outcome{file, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-done:
		return o.file, o.err
	}
}

func receive(ctx context.Context, client *tftp.Client, name string) ([]byte, error) {
	transfer, err := client.Receive(name, "octet")
	if err != nil {
		return nil, saidByTFTP(err)
	}
	file := &limited{ctx: ctx}
	if _, err := transfer.WriteTo(file); err != nil {
		return nil, saidByTFTP(err)
	}
	return file.Bytes(), nil
}

// limited keeps a file up to Largest bytes, until ctx ends.
type limited struct {
	ctx context.Context
	bytes.Buffer
}

func (l *limited) Write(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if l.Len()+len(p) > Largest {
		return 0, ErrTooLarge
	}
	return l.Buffer.Write(p)
}

// tftpError is how the library tells the error of a server (RFC 1350, section 5).
var tftpError = regexp.MustCompile(`(?s)^code: (\d+), message: (.*)$`)

// saidByTFTP tells the errors of TFTP apart.
func saidByTFTP(err error) error {
	said := tftpError.FindStringSubmatch(err.Error())
	switch {
	case said == nil && errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %s: %w", answerWait.Round(time.Second), err)
	case said == nil:
		return err
	case said[1] == "1":
		return ErrNotFound
	case said[1] == "2":
		return ErrForbidden
	}
	return fmt.Errorf("the server answers with the TFTP error %s, %q", said[1], strings.TrimRight(said[2], "\x00"))
}
