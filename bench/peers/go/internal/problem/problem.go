// Package problem has the problem details (RFC 9457) that the peers answer with.
package problem

import (
	"errors"
	"log/slog"
	"net/http"

	"splits.example/peers/internal/users"
)

// ContentType is that of a Problem.
const ContentType = "application/problem+json"

// Problem is the body of an answer that reports an error.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   string       `json:"code"`
	Errors []users.Flaw `json:"errors,omitempty"`
}

func newProblem(status int, code, title, detail string) *Problem {
	return &Problem{"/problems/" + code, title, status, detail, code, nil}
}

// Those that no error of package users stands for.
var (
	BadRequest = newProblem(http.StatusBadRequest, "bad_request",
		"Malformed request", "The request is not what HTTP allows.")
	NotFound = newProblem(http.StatusNotFound, "not_found",
		"Resource not found", "No resource has this path.")
	MethodNotAllowed = newProblem(http.StatusMethodNotAllowed, "method_not_allowed",
		"Method not allowed", "The resource does not support this method.")
	BodyTooLarge = newProblem(http.StatusRequestEntityTooLarge, "body_too_large",
		"Content too large", "The body is larger than this service accepts.")
)

var (
	malformedJSON = newProblem(http.StatusBadRequest, "malformed_json",
		"Malformed JSON", "The body is not JSON.")
	validationFailed = newProblem(http.StatusUnprocessableEntity, "validation_failed",
		"Invalid fields", "The request has fields that cannot be accepted; the errors say which, and why.")
	userNotFound = newProblem(http.StatusNotFound, "user_not_found",
		"User not found", "No user has this id.")
	emailTaken = newProblem(http.StatusConflict, "email_taken",
		"E-mail address taken", "Another user has this e-mail address.")
	internal = newProblem(http.StatusInternalServerError, "internal_error",
		"Internal error", "The service has a defect; its log says more.")
)

// Of gives what a client is told of err. What the client did not cause is logged.
func Of(err error) *Problem {
	if invalid, ok := errors.AsType[users.Invalid](err); ok {
		problem := *validationFailed
		problem.Errors = invalid
		return &problem
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return BodyTooLarge
	}
	switch {
	case errors.Is(err, users.ErrNotFound):
		return userNotFound
	case errors.Is(err, users.ErrEmailTaken):
		return emailTaken
	case errors.Is(err, users.ErrMalformedJSON):
		return malformedJSON
	}
	slog.Error("a request failed", "error", err)
	return internal
}
