package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// Stores that each break one promise of the contract, and no other. None has capabilities of the store beneath, but appending, and reading a place.

// staleReads answers a Get now and then with what it answered before.
type staleReads struct {
	kv.Storage
	dice *rand.Rand
	last map[kv.Key]func() (kv.Record, error)
}

func (s *staleReads) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	if last, ok := s.last[key]; ok && s.dice.IntN(4) == 0 {
		return last()
	}
	r, err := s.Storage.Get(ctx, key)
	s.last[key] = func() (kv.Record, error) { return r, err }
	return r, err
}

// lostUpdates swaps whatever the version is.
type lostUpdates struct{ kv.Storage }

func (s *lostUpdates) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	for {
		v, err := s.Storage.CasByVersion(ctx, r)
		if !errors.Is(err, kv.ErrWrongVersion) {
			return v, err
		}
		r.Version = v
	}
}

// versionsAgain counts the versions of a key from its first again when it is created again. All handles share it.
type versionsAgain struct {
	mu    sync.Mutex
	first map[kv.Key]kv.Version // that the key had when it was first created
	back  map[kv.Key]kv.Version // how far its versions went back
}

// countingAgain is a handle on a store whose versions go back.
type countingAgain struct {
	kv.Storage
	*versionsAgain
}

func (s *countingAgain) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.Storage.Create(ctx, r)
	if err == nil {
		if s.first[r.Key] == 0 {
			s.first[r.Key] = v
		}
		s.back[r.Key] = v - s.first[r.Key]
	}
	return s.shownLocked(r.Key, v), err
}

func (s *countingAgain) shownLocked(key kv.Key, v kv.Version) kv.Version {
	if v == 0 {
		return 0
	}
	return v - s.back[key]
}

func (s *countingAgain) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Version += s.back[r.Key]
	v, err := s.Storage.CasByVersion(ctx, r)
	return s.shownLocked(r.Key, v), err
}

func (s *countingAgain) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.Storage.Get(ctx, key)
	r.Version = s.shownLocked(key, r.Version)
	return r, err
}

func (s *countingAgain) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	recs, err := s.Storage.GetRange(ctx, startKey, endKey)
	for i := range recs {
		recs[i].Version = s.shownLocked(recs[i].Key, recs[i].Version)
	}
	return recs, err
}

// falseFailures calls some writes failed for certain that took effect, as one does who takes a lost answer for a lost request.
type falseFailures struct {
	kv.Storage
	dice  *rand.Rand
	oneIn int
}

func (s *falseFailures) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	v, err := s.Storage.CasByVersion(ctx, r)
	if s.dice.IntN(s.oneIn) == 0 {
		return 0, kv.ErrUnavailable
	}
	return v, err
}

// falseDeletes acknowledges some deletions that took no effect, as one does who takes a sent request for a done one.
type falseDeletes struct {
	kv.Storage
	dice *rand.Rand
}

func (s *falseDeletes) Delete(ctx context.Context, key kv.Key) error {
	if s.dice.IntN(4) == 0 {
		return nil
	}
	return s.Storage.Delete(ctx, key)
}

// repeatedWrites sends some creates twice, and takes what the second finds for somebody else's, as a client does that repeats what
// had no answer.
type repeatedWrites struct {
	kv.Storage
	dice *rand.Rand
}

func (s *repeatedWrites) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	if s.dice.IntN(4) == 0 {
		_, _ = s.Storage.Create(ctx, r)
	}
	return s.Storage.Create(ctx, r)
}

// awhile is long enough for others to do something in between, most times.
const awhile = 20 * time.Microsecond

// tornRanges reads a range in two halves, at two moments.
type tornRanges struct{ kv.Storage }

func (s *tornRanges) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	middle := kv.Key(keyName(keys/2 - 1))
	first, err := s.Storage.GetRange(ctx, startKey, middle)
	if err != nil {
		return nil, err
	}
	time.Sleep(awhile)
	second, err := s.Storage.GetRange(ctx, middle+"\x00", endKey)
	return append(first, second...), err
}

// tornReleases removes what is bound to a lease one by one.
type tornReleases struct{ kv.Storage }

func (s *tornReleases) Lessor() kv.Lessor { return tornLessor{s.Storage.Lessor(), s.Storage} }

type tornLessor struct {
	kv.Lessor
	st kv.Storage
}

func (ls tornLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	l, err := ls.Lessor.NewLease(ctx, ttl, keepAlive)
	return tornLease{l, ls.st}, err
}

type tornLease struct {
	kv.Lease
	st kv.Storage
}

func (l tornLease) Release() error {
	ctx := context.Background()
	recs, _ := l.st.GetRange(ctx, "a", "z")
	for _, r := range recs {
		if r.Lease == l.Id() {
			_ = l.st.Delete(ctx, r.Key)
			time.Sleep(awhile)
		}
	}
	return l.Lease.Release()
}

// tornAppends counts, and then creates.
type tornAppends struct{ kv.Storage }

func (s *tornAppends) Append(ctx context.Context, r kv.Record, startKey, endKey kv.Key) (kv.Version, kv.Record, int, error) {
	recs, err := s.GetRange(ctx, startKey, endKey)
	if err != nil {
		return 0, kv.Record{}, 0, err
	}
	time.Sleep(awhile)
	under, _ := kv.As[kv.Appender](s.Storage)
	v, prev, _, err := under.Append(ctx, r, startKey, endKey)
	return v, prev, len(recs), err
}

// tornPlaces reads the record, and then who was created last of the others.
type tornPlaces struct{ kv.Storage }

func (s *tornPlaces) ReadPlace(
	ctx context.Context, key kv.Key, created kv.Version, startKey, endKey kv.Key,
) (own, prev kv.Record, err error) {
	under, _ := kv.As[kv.PlaceReader](s.Storage)
	own, _, err = under.ReadPlace(ctx, key, created, startKey, endKey)
	if err != nil {
		return kv.Record{}, kv.Record{}, err
	}
	time.Sleep(awhile)
	if _, now, err := under.ReadPlace(ctx, key, created, startKey, endKey); err == nil {
		prev = now
	}
	return own, prev, nil
}
