// Package pages runs the commands that the pages of docs/ show, as they show them: each block of sh, and what a block of text below it
// says that it prints, where … stands for whatever is different each time. Other shells' names are not used for blocks, so none is missed.
//
// It runs coord, and etcdctl and etcdutl, which it builds with tools/go.mod.
package pages
