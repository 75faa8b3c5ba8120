// Package top is the live view of what a store holds: locks, semaphores, elections and services.
//
// One watch of the whole range feeds a board, which knows each thing as it is and how it came to be; a view of the board has a cursor, an
// order and a filter, and draws itself into lines. Neither has a clock, a goroutine or a terminal: [Run] brings those.
package top
