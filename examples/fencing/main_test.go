package main

func Example() {
	main()
	// Output:
	// service: the document is "draft"
	// first writer: <nil>
	// service: the document is "final"
	// second writer: <nil>
	// first writer, late: stale fencing token
}
