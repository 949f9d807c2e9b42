package users

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fields are those that a client sets.
type Fields struct {
	Name, Email string
}

// ParseFields reads the body of POST /users with a library's Unmarshal. The error is ErrMalformedJSON, or
// Invalid with all bad fields at once.
func ParseFields(body []byte, unmarshal func([]byte, any) error) (Fields, error) {
	// Not strings: a value of another type is to be named beside whatever is wrong with the other field.
	var raw struct {
		Name  any `json:"name"`
		Email any `json:"email"`
	}
	if err := unmarshal(body, &raw); err != nil {
		if !json.Valid(body) {
			return Fields{}, ErrMalformedJSON
		}
		return Fields{}, Invalid{{"", "must be a JSON object"}}
	}
	var invalid Invalid
	fields := Fields{
		Name:  invalid.text("name", raw.Name, nameFlaw),
		Email: invalid.text("email", raw.Email, emailFlaw),
	}
	return fields, invalid.err()
}

func (i *Invalid) text(field string, value any, flawOf func(string) string) string {
	text, ok := value.(string)
	switch {
	case value == nil:
		i.add(field, "is required")
	case !ok:
		i.add(field, "must be a string")
	default:
		if flaw := flawOf(text); flaw != "" {
			i.add(field, flaw)
		}
	}
	return text
}

const (
	nameCharactersMax = 200
	emailBytesMax     = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
	localBytesMax     = 64  // RFC 5321, section 4.5.3.1.1
	labelBytesMax     = 63  // RFC 1035, section 2.3.4
)

// nameFlaw says what is wrong with a name, "" for nothing.
func nameFlaw(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case !utf8.ValidString(name):
		return "must be UTF-8"
	case utf8.RuneCountInString(name) > nameCharactersMax:
		return "must not have more than 200 characters"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "must not have control characters"
	case strings.TrimSpace(name) == "":
		return "must not be blank"
	}
	return ""
}

// emailFlaw says what is wrong with an e-mail address, "" for nothing.
func emailFlaw(email string) string {
	local, domain, found := strings.Cut(email, "@")
	switch {
	case email == "":
		return "must not be empty"
	case len(email) > emailBytesMax:
		return "must not be longer than 254 bytes"
	case !utf8.ValidString(email):
		return "must be UTF-8"
	case !found:
		return "must have an @"
	case len(local) > localBytesMax:
		return "must not have more than 64 bytes before the @"
	case !isDotted(local, isAtom):
		return "must have a valid mailbox name before the @"
	case !isDotted(domain, isLabel):
		return "must have a valid domain name after the @"
	}
	return ""
}

// isDotted says whether text is one or more parts with single dots between.
func isDotted(text string, isPart func(string) bool) bool {
	for part := range strings.SplitSeq(text, ".") {
		if !isPart(part) {
			return false
		}
	}
	return true
}

// isAtom follows RFC 5322, section 3.2.3, as widened by RFC 6531.
func isAtom(atom string) bool {
	return atom != "" && !strings.ContainsFunc(atom, func(r rune) bool {
		return !isLetterOrDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	})
}

func isLabel(label string) bool {
	if label == "" || len(label) > labelBytesMax || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool { return !isLetterOrDigit(r) && r != '-' })
}

// isLetterOrDigit counts all that can be seen beyond ASCII among the letters.
func isLetterOrDigit(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	default:
		return !unicode.IsControl(r) && !unicode.IsSpace(r)
	}
}
