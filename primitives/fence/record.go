package fence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/coordkit/coord/kv"
)

// A fenced record is a JSON object on the store. Fields that are not listed here are kept as they are by every write.
//
//	format    1
//	token     the token of the last writer, a number
//	value     what the writer wrote, a string
//	encoding  "base64" if value is that; absent if value is the text itself. What is not UTF-8 is written in base64.
//	attempt   the name of the write: no other write has it
//	before    the writes before this one, newest first, at most 8: {attempt, version}. Before the first write there was
//	          nothing, which is written as {"", 0}.
//
// A write replaces one record and puts that one's attempt and version in front of before. So the list has no gaps, and whoever
// does not know what became of its own write finds out as long as no more than 8 others followed.
const (
	format      = 1
	keptBefore  = 8
	base64Name  = "base64"
	fieldFormat = "format"
	fieldToken  = "token"
	fieldValue  = "value"
	fieldCoding = "encoding"
	fieldName   = "attempt"
	fieldBefore = "before"
)

// write names one write of the record and the version that it got.
type write struct {
	Attempt string     `json:"attempt"`
	Version kv.Version `json:"version"`
}

// record is a fenced record as it was read. The zero record is that of an absent key.
type record struct {
	write
	token  kv.Version
	value  kv.Value
	before []write
	fields map[string]json.RawMessage // the whole object, with what we do not know
}

// decode returns the record in r, or a *FormatError.
func decode(r kv.Record) (record, error) {
	rec, err := parse(r.Value)
	if err != nil {
		return record{}, &FormatError{Version: r.Version, Err: err}
	}
	rec.Version = r.Version
	return rec, nil
}

func parse(b kv.Value) (record, error) {
	var rec record
	if !utf8.Valid(b) {
		return rec, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(b, &rec.fields); err != nil {
		return rec, err
	}
	var number int
	if err := rec.field(fieldFormat, &number); err != nil {
		return rec, err
	}
	if number != format {
		return rec, fmt.Errorf("unknown format %d", number)
	}
	err := errors.Join(rec.field(fieldToken, &rec.token), rec.field(fieldName, &rec.Attempt), rec.field(fieldBefore, &rec.before))
	if err != nil {
		return rec, err
	}
	if err := validateToken(rec.token); err != nil {
		return rec, err
	}
	rec.value, err = rec.content()
	return rec, err
}

// field reads a field that must be there, by its exact name.
func (r *record) field(name string, into any) error {
	raw, ok := r.fields[name]
	if !ok || string(raw) == "null" {
		return fmt.Errorf("no field %q", name)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("field %q: %w", name, err)
	}
	return nil
}

// content returns the value, nil if it is empty.
func (r *record) content() (kv.Value, error) {
	var text string
	if err := r.field(fieldValue, &text); err != nil {
		return nil, err
	}
	if _, ok := r.fields[fieldCoding]; ok {
		var coding string
		if err := r.field(fieldCoding, &coding); err != nil {
			return nil, err
		}
		if coding != base64Name {
			return nil, fmt.Errorf("unknown encoding %q", coding)
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", fieldValue, err)
		}
		text = string(b)
	}
	if text == "" {
		return nil, nil
	}
	return kv.Value(text), nil
}

// replace returns the value on the store of a write that replaces r.
func (r *record) replace(token kv.Version, attempt string, value kv.Value) kv.Value {
	before := append([]write{r.write}, r.before...)
	fields := make(map[string]any, len(r.fields)+5)
	for name, raw := range r.fields {
		fields[name] = raw
	}
	delete(fields, fieldCoding)
	text := string(value)
	if !utf8.Valid(value) {
		text = base64.StdEncoding.EncodeToString(value)
		fields[fieldCoding] = base64Name
	}
	fields[fieldFormat] = format
	fields[fieldToken] = token
	fields[fieldName] = attempt
	fields[fieldBefore] = before[:min(len(before), keptBefore)]
	fields[fieldValue] = text

	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read it
	if err := e.Encode(fields); err != nil {
		panic(err) // numbers, strings, and JSON that was decoded can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// fate tells, from the record as it is now, what became of the write called attempt that was to replace the one at version base
// (zero: that was to create the record). Its version, if it took effect; zero, if it did not and never will, because another
// write replaced base; and false if it cannot be known, because the record was deleted, or too much was written since.
func (r *record) fate(attempt string, base kv.Version) (v kv.Version, known bool) {
	if r.Version == 0 {
		return 0, false
	}
	baseSeen := false
	for _, w := range append([]write{r.write}, r.before...) {
		if w.Attempt == attempt {
			return w.Version, true
		}
		baseSeen = baseSeen || w.Version == base
	}
	return 0, baseSeen
}
