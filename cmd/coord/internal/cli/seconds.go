//go:build unix

package cli

import (
	"errors"
	"strconv"
	"time"
)

// seconds reads a duration as Go or, a plain number, as flock(1) writes it.
func seconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, e := strconv.ParseFloat(s, 64); e == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
		if n > float64(maxDuration)/float64(time.Second) || n != n {
			return 0, errors.New("too long")
		}
	}
	switch {
	case err != nil:
		return 0, errors.New("want a duration such as 5s, or seconds")
	case d < 0:
		return 0, errors.New("must not be negative")
	}
	return d, nil
}

// maxDuration is the longest time that anything is given: a hundred years.
const maxDuration = 100 * 365 * 24 * time.Hour

func positive(s string) (time.Duration, error) {
	d, err := seconds(s)
	switch {
	case err != nil:
		return 0, err
	case d == 0:
		return 0, errors.New("must be positive")
	case d > maxDuration/100:
		return 0, errors.New("longer than a year")
	}
	return d, nil
}
