package httplb

import (
	"io"
	"net/http"
	"sync"
)

// whenRead returns resp such that done is called when its body has been read to the end, has failed, or is closed.
func whenRead(resp *http.Response, done func(error)) *http.Response {
	if done == nil {
		return resp
	}
	b := body{ReadCloser: resp.Body, done: sync.OnceFunc(func() { done(nil) })}
	resp.Body = b
	if w, ok := b.ReadCloser.(io.Writer); ok { // the connection is the caller's now: 101 Switching Protocols
		resp.Body = upgraded{body: b, Writer: w}
	}
	return resp
}

type body struct {
	io.ReadCloser
	done func()
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b body) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

type upgraded struct {
	body
	io.Writer
}
