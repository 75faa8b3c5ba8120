package fields

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

type object struct {
	Status string `json:"status"`
	Token  int    `json:"token,omitempty"`
	inside int
	Left   int `json:"-"`
}

func merge(t *testing.T, own, stored string) string {
	t.Helper()
	v, err := Of[object]().Merge(kv.Value(own), kv.Value(stored))
	require.NoError(t, err)
	return string(v)
}

func TestOfNamesTheFieldsInJSON(t *testing.T) {
	require.Equal(t, Known{"status", "token"}, Of[object]())
	require.Zero(t, object{}.inside)
}

func TestUnknownFieldsAreKeptAsTheyAre(t *testing.T) {
	require.JSONEq(t, `{"status":"a","later":{"x":[1]}}`, merge(t, `{"status":"a"}`, `{"status":"b","token":4,"later":{"x":[1]}}`))
	require.Equal(t, `{"status":"a"}`, merge(t, `{"status":"a"}`, `{"status":"b","token":4}`))
	require.Equal(t, `{"status":"a"}`, merge(t, `{"status":"a"}`, ""))
}

func TestFieldsThatWouldBeTakenForKnownOnesAreNotKept(t *testing.T) {
	require.JSONEq(t, `{"status":"a","x":1}`, merge(t, `{"status":"a"}`, `{"Status":"b","ſtatus":"c","toKen":4,"x":1}`))
}

func TestUnknownFieldsThatHaveNoRoomAreLeftOut(t *testing.T) {
	stored := `{"x":"` + strings.Repeat("‹", kv.MaxValueLen/3-10) + `","y":"` + "<" + `"}`
	require.LessOrEqual(t, len(stored), kv.MaxValueLen)
	require.LessOrEqual(t, len(merge(t, `{"status":"`+strings.Repeat("a", 100)+`"}`, stored)), kv.MaxValueLen)
}

func TestWhatIsNoObjectIsAnError(t *testing.T) {
	for _, v := range []string{"[]", "1", "{"} {
		_, err := Of[object]().Merge(kv.Value("{}"), kv.Value(v))
		require.Error(t, err, v)
	}
}
