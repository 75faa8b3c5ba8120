package linear

import (
	"fmt"
	"strings"
)

var opNames = map[op]string{
	opCreate: "Create", opGet: "Get", opRange: "GetRange", opCas: "CasByVersion", opDelete: "Delete", opAppend: "Append",
	opPlace:   "ReadPlace",
	opRelease: "Release", opEnd: "the end",
}

var toldNames = map[told]string{
	done: "done", alreadyExists: "already exists", notFound: "not found", wrongVersion: "wrong version", wrongLease: "no such lease",
	unknown: "outcome unknown",
}

func keyName(key int) string { return string(rune('a' + key)) }

// describe writes an operation as one line: what was asked for, and what was told.
func describe(c call, a answer) string {
	ask := opNames[c.op]
	switch c.op {
	case opCreate, opAppend:
		ask += fmt.Sprintf("(%s, #%d%s)", keyName(c.key), c.value, under(c.lease))
	case opCas:
		ask += fmt.Sprintf("(%s, #%d, if v%d)", keyName(c.key), c.value, c.version)
	case opGet, opDelete, opPlace:
		ask += fmt.Sprintf("(%s)", keyName(c.key))
	case opRelease:
		ask += fmt.Sprintf("(L%d)", c.lease)
	}
	tell := toldNames[a.told]
	if a.version != 0 {
		tell += fmt.Sprintf(", v%d", a.version)
	}
	switch {
	case c.op == opGet && a.told == done:
		tell = a.records[c.key].String()
	case c.op == opRange:
		tell = describeAll(a.records)
	case c.op == opPlace && a.told == done:
		tell = a.records[c.key].String() + a.prev.String()
	case c.op == opAppend && a.told == done:
		tell += fmt.Sprintf(", after %d", a.prev.ahead) + a.prev.String()
	}
	return ask + ": " + tell
}

func under(lease int) string {
	if lease == 0 {
		return ""
	}
	return fmt.Sprintf(" under L%d", lease)
}

func describeAll(recs [keys]seen) string {
	var all []string
	for key, r := range recs {
		if r != (seen{}) {
			all = append(all, keyName(key)+": "+r.String())
		}
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// String names the neighbour, if there is one.
func (n neighbour) String() string {
	if n.key == nobody {
		return ""
	}
	return fmt.Sprintf(", the last %s: %v", keyName(n.key), n.rec)
}

// String is the record's write, version and lease.
func (r seen) String() string {
	if r == (seen{}) {
		return "nothing"
	}
	return fmt.Sprintf("#%d v%d%s", r.value, r.version, under(r.lease))
}

// String is what lies in the store.
func (s state) String() string {
	if s.ended {
		return "the end"
	}
	var all []string
	for key, r := range s.records {
		switch {
		case r.value == 0:
		case r.most == none:
			all = append(all, fmt.Sprintf("%s: #%d at a version that nobody was told%s", keyName(key), r.value, under(r.lease)))
		case r.least == r.most:
			all = append(all, fmt.Sprintf("%s: %v", keyName(key), seen{r.value, r.least, r.lease}))
		default:
			all = append(all, fmt.Sprintf("%s: #%d v%d or later%s", keyName(key), r.value, r.least, under(r.lease)))
		}
	}
	return "{" + strings.Join(all, ", ") + "}"
}
