package users

import "errors"

// What can be wrong with a request, beside Invalid.
var (
	ErrNotFound      = errors.New("no user has this id")
	ErrEmailTaken    = errors.New("another user has this e-mail address")
	ErrMalformedJSON = errors.New("the body is not JSON")
)

// Flaw says what is wrong with a field or a parameter: "must not be empty".
type Flaw struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Invalid is everything that is wrong with a request's fields or parameters.
type Invalid []Flaw

func (Invalid) Error() string { return "invalid fields" }

func (i *Invalid) add(field, reason string) {
	*i = append(*i, Flaw{field, reason})
}

// err is nil when nothing is wrong.
func (i Invalid) err() error {
	if len(i) == 0 {
		return nil
	}
	return i
}
