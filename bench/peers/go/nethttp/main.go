// Nethttp is the peer in net/http, pgx and encoding/json: the standard library, but for the database.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	"splits.example/peers/internal/peer"
	"splits.example/peers/internal/problem"
	"splits.example/peers/internal/users"
)

func main() {
	peer.Main(func(store *users.Store) peer.Server {
		return &http.Server{Handler: newMux(&api{store})}
	})
}

func newMux(api *api) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /health", handler(api.health))
	mux.Handle("GET /users/{id}", handler(api.findUser))
	mux.Handle("GET /users", handler(api.listUsers))
	mux.Handle("POST /users", handler(api.createUser))
	mux.Handle("GET /lab/users", handler(api.gatherUsers))
	for path, allowed := range map[string]string{
		"/health":     "GET, HEAD",
		"/users/{id}": "GET, HEAD",
		"/users":      "GET, HEAD, POST",
		"/lab/users":  "GET, HEAD",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", allowed)
			writeProblem(w, problem.MethodNotAllowed)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem.NotFound)
	})
	return mux
}

// handler is a handler whose errors become problems.
type handler func(http.ResponseWriter, *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		writeProblem(w, problem.Of(err))
	}
}

type api struct {
	store *users.Store
}

func (*api) health(w http.ResponseWriter, _ *http.Request) error {
	w.Header()["Content-Type"] = jsonType
	_, err := io.WriteString(w, `{"status":"ok"}`)
	return err
}

func (a *api) findUser(w http.ResponseWriter, r *http.Request) error {
	id, err := users.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	user, err := a.store.Find(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, jsonType, user)
	return nil
}

func (a *api) listUsers(w http.ResponseWriter, r *http.Request) error {
	request, err := users.ParsePageRequest(parametersOf(r))
	if err != nil {
		return err
	}
	page, err := a.store.List(r.Context(), request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, jsonType, page)
	return nil
}

func (a *api) createUser(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, peer.BodyBytesMax))
	if err != nil {
		return err
	}
	fields, err := users.ParseFields(body, json.Unmarshal)
	if err != nil {
		return err
	}
	user, err := a.store.Create(r.Context(), fields)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/users/"+strconv.FormatInt(user.ID, 10))
	writeJSON(w, http.StatusCreated, jsonType, user)
	return nil
}

func (a *api) gatherUsers(w http.ResponseWriter, r *http.Request) error {
	request, err := users.ParseLabRequest(parametersOf(r), "encoding/json")
	if err != nil {
		return err
	}
	gathering, err := a.store.Gather(r.Context(), request)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, jsonType, gathering)
	return nil
}

func parametersOf(r *http.Request) users.Parameters {
	query := r.URL.Query()
	return func(name string) (string, bool) { return query.Get(name), query.Has(name) }
}

// Made once: Header.Set would make a slice per answer.
var (
	jsonType    = []string{"application/json"}
	problemType = []string{problem.ContentType}
)

func writeProblem(w http.ResponseWriter, p *problem.Problem) {
	writeJSON(w, p.Status, problemType, p)
}

// encoder is a json.Encoder with the buffer that it writes to.
type encoder struct {
	bytes.Buffer
	json *json.Encoder
}

// No buffer grows beyond a thousand users.
var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(e)
	e.json.SetEscapeHTML(false)
	return e
}}

func writeJSON(w http.ResponseWriter, status int, contentType []string, value any) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.Reset()
	if err := e.json.Encode(value); err != nil {
		panic(err) // no value of ours fails
	}
	e.Truncate(e.Len() - 1) // the line feed that ends what a json.Encoder writes
	header := w.Header()
	header["Content-Type"] = contentType
	// Without it net/http would send a long answer in chunks.
	header["Content-Length"] = []string{strconv.Itoa(e.Len())}
	w.WriteHeader(status)
	_, _ = w.Write(e.Bytes()) // fails when the client is gone
}
