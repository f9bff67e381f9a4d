// Checks a history that the benches export with Porcupine, for its time beside ours: docs/benchmarks.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type event struct {
	Process int
	Type    string
	F       string
	Key     string
	Value   any
}

type output struct {
	ok, known bool
	value     any
}

func step(state, in, out any) (bool, any) {
	op, result := in.(event), out.(output)
	switch op.F {
	case "read", "get":
		return state == result.value, state
	case "write", "put":
		return true, op.Value
	case "append":
		return true, state.(string) + op.Value.(string)
	case "cas":
		pair := op.Value.([]any)
		if state == pair[0] {
			return result.ok || !result.known, pair[1]
		}
		return !result.ok, state
	case "enqueue":
		return true, state.(string) + fmt.Sprint(op.Value) + " "
	case "dequeue":
		first, rest, found := strings.Cut(state.(string), " ")
		if !found {
			return result.value == nil, state
		}
		return result.value != nil && fmt.Sprint(result.value) == first, rest
	}
	panic(op.F)
}

func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	keys := map[string][]porcupine.Operation{}
	for _, op := range history {
		key := op.Input.(event).Key
		keys[key] = append(keys[key], op)
	}
	var parts [][]porcupine.Operation
	for _, part := range keys {
		parts = append(parts, part)
	}
	return parts
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	var history []porcupine.Operation
	open := map[int]int{} // process -> place of its operation
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	now := int64(0)
	for ; lines.Scan(); now++ {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			panic(err)
		}
		if e.Type == "invoke" {
			open[e.Process] = len(history)
			history = append(history, porcupine.Operation{ClientId: e.Process, Input: e, Call: now})
			continue
		}
		op := &history[open[e.Process]]
		op.Output = output{ok: e.Type == "ok", known: e.Type != "info", value: e.Value}
		if op.Return = now; e.Type == "info" {
			op.Return = 1 << 62 // Porcupine knows no indeterminate operation: let it end last
		}
	}
	// A read or dequeue that never returned says nothing, as far as Porcupine can tell.
	kept := history[:0]
	for _, op := range history {
		f := op.Input.(event).F
		if op.Output.(output).known || (f != "read" && f != "get" && f != "dequeue") {
			kept = append(kept, op)
		}
	}
	var initial any = 0.0
	if f := kept[0].Input.(event).F; f != "read" && f != "write" && f != "cas" {
		initial = ""
	}
	model := porcupine.Model{Init: func() any { return initial }, Step: step, Partition: byKey}
	began := time.Now()
	result := porcupine.CheckOperationsTimeout(model, kept, time.Minute)
	fmt.Println(os.Args[1], result, time.Since(began))
}
