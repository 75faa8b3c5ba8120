package kv

// PrefixRange returns the ends with which GetRange reads exactly the keys that begin with prefix; an empty prefix gives the
// whole store. The end is no key that could be stored: keys are valid UTF-8, in which the byte 0xff does not occur.
func PrefixRange(prefix Key) (startKey, endKey Key) {
	return prefix, prefix + "\xff"
}
