package users

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Parameters gives a parameter of the query, and whether the request has it.
type Parameters func(name string) (value string, ok bool)

// number reads a parameter from lowest to highest, which is otherwise when it is absent.
func (i *Invalid) number(get Parameters, name string, otherwise, lowest, highest int) int {
	text, ok := get(name)
	if !ok {
		return otherwise
	}
	// ParseUint: no sign.
	number, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(number) < lowest || int(number) > highest {
		i.add(name, fmt.Sprintf("must be a whole number from %d to %d", lowest, highest))
	}
	return int(number)
}

// ParseID reads an id in its canonical form; the error is ErrNotFound.
func ParseID(text string) (int64, error) {
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil || text[0] == '0' {
		return 0, ErrNotFound
	}
	return int64(id), nil
}

// PageRequest is what GET /users asks for.
type PageRequest struct {
	After int64 // an id
	Limit int
}

// ParsePageRequest reads limit and after.
func ParsePageRequest(get Parameters) (PageRequest, error) {
	var invalid Invalid
	request := PageRequest{Limit: invalid.number(get, "limit", 20, 1, 1000)}
	if cursor, ok := get("after"); ok {
		if request.After, ok = decodeCursor(cursor); !ok {
			invalid.add("after", "must be the `next` of an earlier page")
		}
	}
	return request, invalid.err()
}

// A cursor is opaque to clients: the id behind which the page begins.
func encodeCursor(id int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(id)))
}

func decodeCursor(cursor string) (id int64, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != 8 {
		return 0, false
	}
	n := binary.BigEndian.Uint64(b)
	return int64(n), n > 0 && n <= math.MaxInt64
}

// LabRequest is what GET /lab/users asks for.
type LabRequest struct {
	Rows       int // by one query, when FanOut is 0
	FanOut     int // users by a query each
	DelayMS    int // that the database sleeps in each query
	Serializer string
}

// ParseLabRequest reads rows or fan_out, delay_ms, and serializer: one of serializers, by default the first.
func ParseLabRequest(get Parameters, serializers ...string) (LabRequest, error) {
	var invalid Invalid
	request := LabRequest{
		Rows:       invalid.number(get, "rows", 100, 1, 1000),
		FanOut:     invalid.number(get, "fan_out", 0, 1, 500),
		DelayMS:    invalid.number(get, "delay_ms", 0, 0, 1000),
		Serializer: serializers[0],
	}
	if _, ok := get("rows"); ok && request.FanOut > 0 {
		invalid.add("rows", "cannot be given beside fan_out")
	}
	if name, ok := get("serializer"); ok {
		request.Serializer = name
		if !slices.Contains(serializers, name) {
			invalid.add("serializer", "must be "+strings.Join(serializers, " or "))
		}
	}
	return request, invalid.err()
}
