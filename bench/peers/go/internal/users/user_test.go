package users

import (
	"testing"
	"time"
)

func TestTimesHaveSixFractionDigitsInUTC(t *testing.T) {
	east := time.FixedZone("", 2*60*60)
	for want, at := range map[string]time.Time{
		"2026-01-02T03:04:05.000000Z": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		"2026-01-02T03:04:05.000001Z": time.Date(2026, 1, 2, 3, 4, 5, 1_999, time.UTC),
		"2026-01-02T03:04:05.678900Z": time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC),
		"2025-12-31T23:59:59.999999Z": time.Date(2026, 1, 1, 1, 59, 59, 999_999_999, east),
	} {
		if got, _ := Time(at).MarshalText(); string(got) != want {
			t.Errorf("%v became %s, not %s", at, got, want)
		}
	}
}

func TestCursorsComeBack(t *testing.T) {
	for _, id := range []int64{1, 42, 1<<63 - 1} {
		if got, ok := decodeCursor(encodeCursor(id)); !ok || got != id {
			t.Errorf("%d became %d, %t", id, got, ok)
		}
	}
}

func TestWhatIsNoCursorIsRefused(t *testing.T) {
	for _, cursor := range []string{"", "AAAAAAAAAAA", "AAAAAAAAAAIx", "__________8", "1", "!"} {
		if id, ok := decodeCursor(cursor); ok {
			t.Errorf("%q was taken for %d", cursor, id)
		}
	}
}
