// A reverse proxy of Go's standard library with its pools tuned, as a peer for the proxy benchmark.
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// pool lends copy buffers, without which ReverseProxy allocates 32 KB a request.
type pool chan []byte

func (p pool) Get() []byte {
	select {
	case buffer := <-p:
		return buffer
	default:
		return make([]byte, 32*1024)
	}
}

func (p pool) Put(buffer []byte) {
	select {
	case p <- buffer:
	default:
	}
}

func main() {
	listen := os.Args[1]
	var targets []*url.URL
	for _, address := range os.Args[2:] {
		targets = append(targets, &url.URL{Scheme: "http", Host: address})
	}
	var turn atomic.Uint64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(targets[turn.Add(1)%uint64(len(targets))])
			request.SetXForwarded()
		},
		Transport:  &http.Transport{MaxIdleConnsPerHost: 256, MaxIdleConns: 1024, IdleConnTimeout: time.Minute, DisableCompression: true},
		BufferPool: make(pool, 256),
		// The load generator hangs up at the end of each round, which is no error here.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	log.Fatal(http.ListenAndServe(listen, proxy))
}
