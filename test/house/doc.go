// Package house tests the rules of the house: who may import whom. The arrows run downwards only, so that the users of a part
// do not pay for what stands above or beside it.
package house
