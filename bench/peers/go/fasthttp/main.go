// Fasthttp is the peer in fasthttp, pgx and sonic.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/bytedance/sonic"
	"github.com/bytedance/sonic/encoder"
	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"splits.example/peers/internal/peer"
	"splits.example/peers/internal/problem"
	"splits.example/peers/internal/users"
)

func main() {
	// sonic compiles an encoder per type: now, not in the first request.
	for _, t := range []reflect.Type{
		reflect.TypeFor[*users.User](),
		reflect.TypeFor[*users.Page](),
		reflect.TypeFor[*users.Gathering](),
	} {
		if err := sonic.Pretouch(t); err != nil {
			panic(err)
		}
	}
	peer.Main(func(store *users.Store) peer.Server {
		return server{&fasthttp.Server{
			Handler:            newRouter(&api{store}).Handler,
			ErrorHandler:       refuse,
			MaxRequestBodySize: peer.BodyBytesMax,
			CloseOnShutdown:    true,
		}}
	})
}

// server gives Shutdown the signature that net/http has.
type server struct {
	*fasthttp.Server
}

func (s server) Shutdown(ctx context.Context) error {
	return s.ShutdownWithContext(ctx)
}

func newRouter(api *api) *router.Router {
	r := router.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.NotFound = func(ctx *fasthttp.RequestCtx) { writeProblem(ctx, problem.NotFound) }
	r.MethodNotAllowed = func(ctx *fasthttp.RequestCtx) { writeProblem(ctx, problem.MethodNotAllowed) }
	r.GET("/health", health)
	r.GET("/users/{id}", handle(api.findUser))
	r.GET("/users", handle(api.listUsers))
	r.POST("/users", handle(api.createUser))
	r.GET("/lab/users", handle(api.gatherUsers))
	return r
}

// handle makes problems of a handler's errors.
func handle(h func(*fasthttp.RequestCtx) error) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if err := h(ctx); err != nil {
			writeProblem(ctx, problem.Of(err))
		}
	}
}

// refuse answers requests that fasthttp cannot read.
func refuse(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		writeProblem(ctx, problem.BodyTooLarge)
	} else {
		writeProblem(ctx, problem.BadRequest)
	}
}

func writeProblem(ctx *fasthttp.RequestCtx, p *problem.Problem) {
	writeJSON(ctx, p.Status, p)
	ctx.SetContentType(problem.ContentType)
}

// writeJSON lets sonic write into the answer's own buffer, which fasthttp uses again.
func writeJSON(ctx *fasthttp.RequestCtx, status int, value any) {
	body := ctx.Response.SwapBody(nil)[:0]
	if err := encoder.EncodeInto(&body, value, 0); err != nil {
		panic(err) // no value of ours fails
	}
	ctx.Response.SwapBody(body)
	ctx.SetContentType("application/json")
	ctx.SetStatusCode(status)
}

func health(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("application/json")
	ctx.SetBodyString(`{"status":"ok"}`)
}

type api struct {
	store *users.Store
}

func (a *api) findUser(ctx *fasthttp.RequestCtx) error {
	id, err := users.ParseID(ctx.UserValue("id").(string))
	if err != nil {
		return err
	}
	user, err := a.store.Find(ctx, id)
	if err != nil {
		return err
	}
	writeJSON(ctx, http.StatusOK, user)
	return nil
}

func (a *api) listUsers(ctx *fasthttp.RequestCtx) error {
	request, err := users.ParsePageRequest(parametersOf(ctx))
	if err != nil {
		return err
	}
	page, err := a.store.List(ctx, request)
	if err != nil {
		return err
	}
	writeJSON(ctx, http.StatusOK, page)
	return nil
}

func (a *api) createUser(ctx *fasthttp.RequestCtx) error {
	// ConfigStd: as strict as encoding/json.
	fields, err := users.ParseFields(ctx.PostBody(), sonic.ConfigStd.Unmarshal)
	if err != nil {
		return err
	}
	user, err := a.store.Create(ctx, fields)
	if err != nil {
		return err
	}
	ctx.Response.Header.Set("Location", "/users/"+strconv.FormatInt(user.ID, 10))
	writeJSON(ctx, http.StatusCreated, user)
	return nil
}

func (a *api) gatherUsers(ctx *fasthttp.RequestCtx) error {
	const standard = "encoding/json"
	request, err := users.ParseLabRequest(parametersOf(ctx), "sonic", standard)
	if err != nil {
		return err
	}
	gathering, err := a.store.Gather(ctx, request)
	if err != nil {
		return err
	}
	if request.Serializer != standard {
		writeJSON(ctx, http.StatusOK, gathering)
		return nil
	}
	body, err := json.Marshal(gathering)
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
	return err
}

func parametersOf(ctx *fasthttp.RequestCtx) users.Parameters {
	query := ctx.QueryArgs()
	return func(name string) (string, bool) { return string(query.Peek(name)), query.Has(name) }
}
