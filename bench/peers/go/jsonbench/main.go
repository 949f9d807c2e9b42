// Jsonbench measures users to JSON by encoding/json and by sonic: jsonbench USERS [ROUNDS]. USERS is a file
// with a JSON array of users. First both must give what was read. Then a line of JSON per round, in
// nanoseconds of CPU time per operation, the garbage collector's included:
// {"one":{"encoding/json":…,"sonic":…},"hundred":{"encoding/json":…,"sonic":…}}.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/bytedance/sonic/encoder"

	"splits.example/peers/internal/users"
)

const (
	page       = 100
	measureMin = 50 * time.Millisecond
)

// contestant encodes into a buffer of its own, which it uses again: a result is good until the next call.
type contestant struct {
	name   string
	encode func(value any) []byte
}

func newStandard() contestant {
	var buffer bytes.Buffer
	e := json.NewEncoder(&buffer)
	e.SetEscapeHTML(false)
	return contestant{"encoding/json", func(value any) []byte {
		buffer.Reset()
		if err := e.Encode(value); err != nil {
			log.Fatal(err)
		}
		return buffer.Bytes()
	}}
}

func newSonic() contestant {
	var buffer []byte
	return contestant{"sonic", func(value any) []byte {
		buffer = buffer[:0]
		if err := encoder.EncodeInto(&buffer, value, 0); err != nil {
			log.Fatal(err)
		}
		return buffer
	}}
}

// check ends the program when encode does not give what document says.
func check(encode func(any) []byte, value any, document []byte) {
	var want, got any
	if err := json.Unmarshal(document, &want); err != nil {
		log.Fatal(err)
	}
	output := encode(value)
	if err := json.Unmarshal(output, &got); err != nil {
		log.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		log.Fatalf("not the same:\n%s\n%s", output, document)
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure gives nanoseconds per call, each for the next of values.
func measure(encode func(any) []byte, values []any) float64 {
	calls := 0
	start := cpuTime()
	for {
		for _, value := range values {
			encode(value)
		}
		calls += len(values)
		if spent := cpuTime() - start; spent >= measureMin {
			return float64(spent) / float64(calls)
		}
	}
}

// figures are nanoseconds by contestant.
type figures map[string]float64

func runRound(contestants []contestant, ones, hundreds []any) {
	round := struct {
		One     figures `json:"one"`
		Hundred figures `json:"hundred"`
	}{figures{}, figures{}}
	for _, c := range contestants {
		round.One[c.name] = measure(c.encode, ones)
		round.Hundred[c.name] = measure(c.encode, hundreds)
	}
	if err := json.NewEncoder(os.Stdout).Encode(round); err != nil {
		log.Fatal(err)
	}
}

// read gives the users of a file, and the document that they are.
func read(path string) ([]users.User, []byte) {
	document, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	var all []users.User
	if err := json.Unmarshal(document, &all); err != nil {
		log.Fatal(err)
	}
	if len(all) < page {
		log.Fatalf("%s has fewer than %d users", path, page)
	}
	return all, document
}

func main() {
	log.SetFlags(0)
	rounds := 10
	if len(os.Args) < 2 || len(os.Args) > 3 {
		log.Fatal("usage: jsonbench USERS [ROUNDS]")
	}
	if len(os.Args) == 3 {
		var err error
		if rounds, err = strconv.Atoi(os.Args[2]); err != nil {
			log.Fatal(err)
		}
	}
	all, document := read(os.Args[1])
	// As pointers: making an interface of a struct would copy it.
	var ones, hundreds []any
	for i := range all {
		ones = append(ones, &all[i])
	}
	for rest := all; len(rest) >= page; rest = rest[page:] {
		hundred := rest[:page]
		hundreds = append(hundreds, &hundred)
	}
	contestants := []contestant{newStandard(), newSonic()}
	for _, c := range contestants {
		check(c.encode, &all, document)
	}
	for range rounds {
		runRound(contestants, ones, hundreds)
		slices.Reverse(contestants) // who is first in one round is second in the next
	}
}
