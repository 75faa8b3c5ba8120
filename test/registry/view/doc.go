// Package view tests what the views of package registry show.
package view
