package users

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The service's statements. pgx prepares each once per connection, and asks for binary results.
const (
	findSQL   = "SELECT " + columns + " FROM users WHERE id = $1"
	listSQL   = "SELECT " + columns + " FROM users WHERE id > $1 ORDER BY id LIMIT $2"
	createSQL = "INSERT INTO users (name, email) VALUES ($1, $2) RETURNING " + columns

	// The cast says what the service says beside its statement: otherwise $3 were numeric.
	labSQL = "SELECT " + columns + " FROM users WHERE id >= $1 " +
		"AND (SELECT pg_sleep(($3::bigint - 0.5) / 1000.0)) IS NOT NULL ORDER BY id LIMIT $2"
)

// uniqueViolation is a condition of PostgreSQL: the index of lower(email) is the only one that it can be.
const uniqueViolation = "23505"

// Store is the table of users.
//
// Its queries cannot be cancelled: pgx would close their connections, which are to be kept. Nor does pgx have
// to watch a context without a cancellation.
type Store struct {
	pool *pgxpool.Pool
}

// Open connects to the database, and returns when all connections are there. They are kept open.
func Open(ctx context.Context, url string, connections int32) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MinConns, config.MaxConns = connections, connections
	config.MaxConnLifetime = 0 // no limit
	config.HealthCheckPeriod = time.Hour
	// As in the service's sessions. PostgreSQL itself would plan LIMIT $2 anew each time.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.ConnConfig.RuntimeParams["jit"] = "off"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool}, nil
}

// fill returns when the pool has all its connections.
func fill(ctx context.Context, pool *pgxpool.Pool) error {
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release() // at the end: held, so that each is another one
	}
	return nil
}

// Close closes the connections.
func (s *Store) Close() {
	s.pool.Close()
}

// Find gives the user with this id; the error is ErrNotFound when there is none.
func (s *Store) Find(ctx context.Context, id int64) (*User, error) {
	user := new(User)
	err := s.pool.QueryRow(context.WithoutCancel(ctx), findSQL, id).Scan(user.scanTargets()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	return user, err
}

// Page is a page of users, and the cursor of the next one.
type Page struct {
	Users []User  `json:"users"`
	Next  *string `json:"next"` // nil on the last page
}

// List gives a page of users by ascending id.
func (s *Store) List(ctx context.Context, request PageRequest) (*Page, error) {
	// The row too many tells that there is a next page.
	users, err := s.query(ctx, request.Limit+1, listSQL, request.After, request.Limit+1)
	if err != nil {
		return nil, err
	}
	page := &Page{Users: users}
	if len(users) > request.Limit {
		page.Users = users[:request.Limit]
		next := encodeCursor(page.Users[request.Limit-1].ID)
		page.Next = &next
	}
	return page, nil
}

// Create adds a user; the error is ErrEmailTaken when another one has its address.
func (s *Store) Create(ctx context.Context, fields Fields) (*User, error) {
	user := new(User)
	row := s.pool.QueryRow(context.WithoutCancel(ctx), createSQL, fields.Name, fields.Email)
	err := row.Scan(user.scanTargets()...)
	if pgError, ok := errors.AsType[*pgconn.PgError](err); ok && pgError.Code == uniqueViolation {
		return nil, ErrEmailTaken
	}
	return user, err
}

// Gathering is the answer of the laboratory.
type Gathering struct {
	Users []User `json:"users"`
}

// Gather gives the first users by id; the error is Invalid when there are not so many.
func (s *Store) Gather(ctx context.Context, request LabRequest) (*Gathering, error) {
	if request.FanOut > 0 {
		users, err := s.fanOut(ctx, request.FanOut, request.DelayMS)
		return &Gathering{users}, err
	}
	users, err := s.query(ctx, request.Rows, labSQL, 1, request.Rows, request.DelayMS)
	if err == nil && len(users) < request.Rows {
		err = Invalid{{"rows", fmt.Sprintf("is more than the users there are (%d)", len(users))}}
	}
	return &Gathering{users}, err
}

// fanOut gives the first users by a query each, all sent at once over one connection.
func (s *Store) fanOut(ctx context.Context, count, delayMS int) ([]User, error) {
	users := make([]User, count)
	var batch pgx.Batch
	for i := range users {
		batch.Queue(labSQL, i+1, 1, delayMS).QueryRow(func(row pgx.Row) error {
			return row.Scan(users[i].scanTargets()...)
		})
	}
	err := s.pool.SendBatch(context.WithoutCancel(ctx), &batch).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		err = Invalid{{"fan_out", "is more than the users there are"}}
	}
	return users, err
}

func (s *Store) query(ctx context.Context, countMax int, sql string, arguments ...any) ([]User, error) {
	rows, err := s.pool.Query(context.WithoutCancel(ctx), sql, arguments...)
	if err != nil {
		return nil, err
	}
	var user User
	users := make([]User, 0, countMax)
	_, err = pgx.ForEachRow(rows, user.scanTargets(), func() error {
		users = append(users, user)
		return nil
	})
	return users, err
}
