// Package users is what the peers have in common below HTTP: users, what makes one valid, and their table.
package users

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// User is a row of the table and, as it is, an answer.
type User struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	Email     string `json:"email"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
	Version   int64  `json:"version"`
}

// columns are those of User, in its order.
const columns = "id, name, email, created_at, updated_at, version"

// scanTargets are u's fields in the order of columns.
func (u *User) scanTargets() []any {
	return []any{&u.ID, &u.Name, &u.Email, &u.CreatedAt, &u.UpdatedAt, &u.Version}
}

// Time is a time.Time that is written in UTC with exactly six fraction digits: 2026-01-02T03:04:05.678901Z.
type Time time.Time

// ScanTimestamptz implements pgtype.TimestamptzScanner, which spares pgx a wrapper around each time.
func (t *Time) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t = Time(v.Time)
	return nil
}

// MarshalText implements encoding.TextMarshaler: cheaper than json.Marshaler, whose result encoding/json
// reads and checks once more.
func (t Time) MarshalText() ([]byte, error) {
	const size = len("2026-01-02T03:04:05.678901Z")
	// time has a short cut for RFC3339, but none for a layout with six digits.
	b := time.Time(t).UTC().AppendFormat(make([]byte, 0, size), time.RFC3339)
	b[len(b)-1] = '.'
	b = append(b, "000000Z"...)
	us := time.Time(t).Nanosecond() / int(time.Microsecond)
	for i := len(b) - 2; us > 0; i-- {
		b[i] = byte('0' + us%10)
		us /= 10
	}
	return b, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Time) UnmarshalText(text []byte) error {
	return (*time.Time)(t).UnmarshalText(text)
}
