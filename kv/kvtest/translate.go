package kvtest

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/coordkit/coord/kv"
)

// with is the ctx that a caller passes.
func (d *differ) with(kind ctxKind) context.Context {
	switch kind {
	case over:
		ctx, cancel := context.WithCancel(d.ctx)
		cancel()
		return ctx
	case missing:
		return nil
	}
	return d.ctx
}

// passed is the record with the store's own version and lease, and a value that may be written to.
func (d *differ) passed(r kv.Record) kv.Record {
	r.Version, r.Lease, r.Value = d.versions.id(r.Version), d.leases.id(r.Lease), bytes.Clone(r.Value)
	return r
}

// scribble writes to a value that belongs to the caller, so that a store which shares it is found out.
func scribble(v kv.Value) {
	for i := range v {
		v[i] ^= 0xff
	}
}

// written is the answer of a write that gave version v, or failed.
func (d *differ) written(v kv.Version, err error) answer {
	if err != nil {
		return answer{version: d.versions.number(v), err: err}
	}
	var got answer
	if last := d.versions.last(); v <= last {
		got.odd = fmt.Sprintf("version %d is not greater than %d, the last before it", v, last)
	}
	got.version = d.versions.learn(v)
	return got
}

// granted is the answer of a grant.
func (d *differ) granted(l kv.Lease) answer {
	var got answer
	if id := l.Id(); id <= 0 {
		got.odd = fmt.Sprintf("lease %d is not positive", id)
	} else if n, known := d.leases.numbers[id]; known {
		got.odd = fmt.Sprintf("lease %d was granted before, as number %d", id, n)
	}
	got.lease = d.leases.learn(l.Id())
	d.own[got.lease] = l
	return got
}

// returned is a record that the store returned, in the model's numbers. The value is scribbled on: it is the caller's.
func (d *differ) returned(r kv.Record) kv.Record {
	value := bytes.Clone(r.Value)
	scribble(r.Value)
	r.Version, r.Lease, r.Value = d.versions.number(r.Version), d.leases.number(r.Lease), value
	return r
}

// returnedAll is the answer of a range, without what the store holds of others.
func (d *differ) returnedAll(recs kv.Records, err error) answer {
	if recs == nil {
		return answer{err: err}
	}
	got := answer{err: err, records: kv.Records{}}
	for _, r := range recs {
		if strings.HasPrefix(string(r.Key), string(d.base)) {
			got.records = append(got.records, d.returned(r))
		}
	}
	return got
}
