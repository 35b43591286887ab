package archive

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
)

// walkGzip reads a compressed tar, or a single compressed file.
func (c *Reader) walkGzip(name string, b *bufio.Reader, compressed *bounded, yield func(Entry) error) error {
	z, err := gzip.NewReader(b)
	if err != nil {
		return damaged(err)
	}
	defer z.Close()
	plain := bufio.NewReaderSize(&inflated{r: z, compressed: compressed, Limits: c.limits}, 64<<10)
	head, err := plain.Peek(peekLength)
	switch {
	case isTar(head):
		return c.walkTar(plain, yield)
	case err != nil && !errors.Is(err, io.EOF):
		return damaged(err)
	}
	return damaged(c.content(name, plain, yield))
}
