// Package httplb lets an [net/http.Client] call services of a registry by name, each request on an instance of the client's
// choice:
//
//	lb := httplb.New(r, nil)
//	defer lb.Close()
//	client := &http.Client{Transport: lb}
//	resp, err := client.Get("http://orders/v1/items")
//
// # URLs
//
// The host of a URL is a service's name, and has no port: instances have their own. Of names that are no host, [Host] makes
// one. Every host is a service: a client that also calls others needs a transport for those, or
// [net/http.Transport.RegisterProtocol] with a scheme of its own.
//
// A URL with https is only ever sent over TLS, to endpoints that are registered as https or without a scheme. With any other
// scheme the endpoint says which it is, http or https; one that says nothing is http. Endpoints of other schemes are not used.
//
// The server's certificate is checked as the base transport does it, against the host of the instance's address. To have it
// checked against a name, set ServerName in the TLS configuration of [Options.Base]; that name never comes from the store.
//
// The Host header is what the request says, and that is the service's name unless the caller has set Request.Host; the address
// of the instance shows in no header. So redirects that a server makes from it come back to the service. The Request of a
// response is the caller's own.
//
// # Which instance
//
// One that is Serving, in turn, or by [Options.NewPick]. A response is a response, whatever its status. If there is none, the
// request is sent to another instance, at most [Options.Retries] times, where that is safe: when the first could not be
// dialled, so that nothing was sent; or when the method is idempotent (GET, HEAD, OPTIONS, TRACE, PUT, DELETE, or any with an
// Idempotency-Key header). Either needs a body that can be sent again: none, or one with Request.GetBody, which
// [net/http.NewRequest] sets for those in memory.
//
// A service without instances that take requests is a [*NoneError], at once. An outage of the store is none of the service:
// what was known is used.
package httplb
