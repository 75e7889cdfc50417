// Answers of a given size on several ports, cheaper than any proxy in front of it.
package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	small := bytes.Repeat([]byte("x"), 1024)
	large := bytes.Repeat([]byte("x"), 16*1024)
	handler := http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, request.Body)
		}
		body := small
		if request.URL.Path == "/16k" {
			body = large
		}
		response.Header().Set("Content-Type", "application/json")
		_, _ = response.Write(body)
	})
	for _, address := range os.Args[2:] {
		go func() { log.Fatal(http.ListenAndServe(address, handler)) }()
	}
	log.Fatal(http.ListenAndServe(os.Args[1], handler))
}
