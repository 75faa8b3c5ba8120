package election

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/fields"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

// format is the number of the term record's format.
const format = 1

// term is the record of an election's present term, or of its last one, as JSON on the store. It is written by the winner of a term
// and never deleted. Fields that a writer does not know are kept.
type term struct {
	Format int `json:"format"`
	// Number counts the terms. Key is the leader's entry among the candidates, and Entry the version that it was created with: while
	// that is there the leader leads.
	Number int64      `json:"number"`
	Key    kv.Key     `json:"key"`
	Entry  kv.Version `json:"entry"`
	// Token is the leader's fencing token: the version of the write that began the term. It is not in that write itself.
	Token kv.Version `json:"token,omitempty"`
	// Leader is the leader's ID, Value what it proclaimed: as text, or in base64 where it is none.
	Leader   string `json:"leader"`
	Value    string `json:"value,omitempty"`
	ValueB64 []byte `json:"value_base64,omitempty"`
	// Since is when the term began, by the leader's clock; the rest says who the leader is.
	Since   time.Time `json:"since"`
	Owner   string    `json:"owner,omitempty"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Program string    `json:"program,omitempty"`

	stored kv.Value // what it was read from, if there are fields in it that are unknown here
}

// setValue chooses the form. Text that is mostly escapes in JSON, six bytes for one, would outgrow a record.
func (t *term) setValue(v []byte) {
	t.Value, t.ValueB64 = "", nil
	if text, err := json.Marshal(string(v)); err == nil && utf8.Valid(v) && len(text) <= 2*len(v)+2 {
		t.Value = string(v)
	} else {
		t.ValueB64 = v
	}
}

func (t *term) value() []byte {
	if len(t.ValueB64) > 0 {
		return t.ValueB64
	}
	if t.Value == "" {
		return nil
	}
	return []byte(t.Value)
}

// plain is a term without its methods, for package json.
type plain term

// decodeTerm reads a term record. The zero Record is an election that nobody has won yet.
func decodeTerm(r kv.Record) (term, error) {
	var t term
	if r.Key == "" {
		return t, nil
	}
	// Fields that are unknown here are rare. To look for them with each write would be most of what the write costs this process.
	strict := json.NewDecoder(bytes.NewReader(r.Value))
	strict.DisallowUnknownFields()
	if err := strict.Decode((*plain)(&t)); err != nil || strict.InputOffset() < int64(len(r.Value)) {
		t = term{stored: r.Value}
		if err := json.Unmarshal(r.Value, (*plain)(&t)); err != nil {
			return t, &RecordError{Key: r.Key, Err: err}
		}
	}
	if t.Format != format {
		return t, &RecordError{Key: r.Key, Err: fmt.Errorf("unknown format %d", t.Format)}
	}
	if t.Token == 0 {
		t.Token = r.Version
	}
	return t, nil
}

// isOf reports whether e is the entry of the term's leader, and of that life of its key.
func (t term) isOf(e line.Entry) bool { return t.Key != "" && e.Key == t.Key && e.Token == t.Entry }

// chose reports whether the term's leader has named e as the next one.
func (t term) chose(e line.Entry) bool { return t.Token != 0 && e.Heir == t.Token }

// known are the fields of a term record.
var known = fields.Of[term]()

// encode writes the term with the fields that came with it from the store and are not its own.
func (t term) encode() kv.Value {
	t.Format = format
	own, err := json.Marshal(plain(t))
	if err != nil {
		panic(err) // strings, numbers and the present time always can be encoded
	}
	all, err := known.Merge(own, t.stored)
	if err != nil {
		panic(err) // it was read as an object before, and the other was written above
	}
	return all
}

// info is what observers are told of the term, if its leader leads, whose entry e is.
func (t term) info(e line.Entry) LeaderInfo {
	return LeaderInfo{
		Number: t.Number, Token: t.Token, Key: t.Key, ID: t.Leader, Value: t.value(), Since: t.Since,
		Owner: session.Owner{Name: t.Owner, Host: t.Host, PID: t.PID, Program: t.Program}, Note: e.Note,
	}
}
