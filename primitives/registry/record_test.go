package registry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// Whatever is stored can be refused or read; and when it is written again it says what the writer wanted, and nothing else.
func FuzzRecordSaysWhatItsWriterWants(f *testing.F) {
	for _, value := range []string{
		`{"format":1,"status":"serving","weight":7,"tags":["a"],"metadata":{"k":"v"},"payload":{"x":[1,2]},"since":"2024-01-02T03:04:05.6Z"}`,
		`{"format":1,"Status":"left","ordered":"draining","\u017ftatus":"left","x":{"y":"<&>"},"zone":"a","zone":"b"}`,
		`{"format":1,"endpoints":[{"name":"a","address":"h:1"},null,{}],"FORMAT":1,"weight":-5,"pid":0,"payload":null}`, "null", "{",
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if len(value) > kv.MaxValueLen {
			return
		}
		d, err := decodeRecord(kv.Record{Key: "k", Value: value})
		if err != nil {
			return
		}
		require.Positive(t, d.instance("s", "a", kv.Record{}).Weight)
		again, err := d.encode()
		require.NoError(t, err)
		same, err := decodeRecord(kv.Record{Key: "k", Value: again})
		require.NoError(t, err)
		require.True(t, same.saysThe(d), "%s", again)
		same.stored = again
		third, err := same.encode()
		require.NoError(t, err)
		require.Equal(t, string(again), string(third), "it does not grow with each write")

		i := Instance{Service: "s", ID: "a"}
		i.complete()
		mine := record{Format: format, Incarnation: "mine", stored: value}
		mine.describe(i)
		again, err = mine.encode()
		require.NoError(t, err)
		read, err := decodeRecord(kv.Record{Key: "k", Value: again})
		require.NoError(t, err)
		require.True(t, read.saysThe(mine), "%s", again)
	})
}
