// Sends a message by TLS and reads the answer: `client PORT MESSAGE`.
package main

import (
	"crypto/tls"
	"os"
	"time"
)

func main() {
	// As in peer.py.
	time.Sleep(2500 * time.Millisecond)
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[1], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		panic(err)
	}
	if _, err := connection.Write([]byte(os.Args[2])); err != nil {
		panic(err)
	}
	if _, err := connection.Read(make([]byte, 4096)); err != nil {
		panic(err)
	}
}
