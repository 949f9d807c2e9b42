// Gin is the peer in Gin, pgx and encoding/json.
package main

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"splits.example/peers/internal/peer"
	"splits.example/peers/internal/problem"
	"splits.example/peers/internal/users"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	peer.Main(func(store *users.Store) peer.Server {
		return &http.Server{Handler: newEngine(&api{store})}
	})
}

// newEngine has no middleware: nothing is logged per request, and net/http recovers from panics itself.
func newEngine(api *api) *gin.Engine {
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.NoRoute(func(c *gin.Context) { writeProblem(c, problem.NotFound) })
	engine.NoMethod(func(c *gin.Context) { writeProblem(c, problem.MethodNotAllowed) })
	engine.GET("/health", health)
	engine.GET("/users/:id", handle(api.findUser))
	engine.GET("/users", handle(api.listUsers))
	engine.POST("/users", handle(api.createUser))
	engine.GET("/lab/users", handle(api.gatherUsers))
	return engine
}

// handle makes problems of a handler's errors.
func handle(h func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			writeProblem(c, problem.Of(err))
		}
	}
}

func writeProblem(c *gin.Context, p *problem.Problem) {
	c.Header("Content-Type", problem.ContentType)
	c.JSON(p.Status, p)
}

var healthy = []byte(`{"status":"ok"}`)

func health(c *gin.Context) {
	c.Data(http.StatusOK, "application/json", healthy)
}

type api struct {
	store *users.Store
}

func (a *api) findUser(c *gin.Context) error {
	id, err := users.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	user, err := a.store.Find(c.Request.Context(), id)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, user)
	return nil
}

func (a *api) listUsers(c *gin.Context) error {
	request, err := users.ParsePageRequest(c.GetQuery)
	if err != nil {
		return err
	}
	page, err := a.store.List(c.Request.Context(), request)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, page)
	return nil
}

func (a *api) createUser(c *gin.Context) error {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, peer.BodyBytesMax)
	body, err := c.GetRawData()
	if err != nil {
		return err
	}
	fields, err := users.ParseFields(body, json.Unmarshal)
	if err != nil {
		return err
	}
	user, err := a.store.Create(c.Request.Context(), fields)
	if err != nil {
		return err
	}
	c.Header("Location", "/users/"+strconv.FormatInt(user.ID, 10))
	c.JSON(http.StatusCreated, user)
	return nil
}

func (a *api) gatherUsers(c *gin.Context) error {
	request, err := users.ParseLabRequest(c.GetQuery, "encoding/json")
	if err != nil {
		return err
	}
	gathering, err := a.store.Gather(c.Request.Context(), request)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, gathering)
	return nil
}
