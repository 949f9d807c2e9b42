// Package peer runs a peer: its settings, its start, its end.
package peer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"splits.example/peers/internal/users"
)

// Limits that all peers have.
const (
	BodyBytesMax  = 16 << 10
	drainDuration = 10 * time.Second
)

// Server is what a framework must have; *http.Server does.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// Main serves until SIGTERM or Ctrl-C, then ends what has begun.
func Main(newServer func(*users.Store) Server) {
	if err := run(newServer); err != nil {
		slog.Error("the peer failed", "error", err)
		os.Exit(1)
	}
}

func run(newServer func(*users.Store) Server) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	connections, err := strconv.ParseInt(os.Getenv("DB_CONNECTIONS"), 10, 32)
	if err != nil {
		return fmt.Errorf("DB_CONNECTIONS: %w", err)
	}
	store, err := users.Open(ctx, os.Getenv("DATABASE_URL"), int32(connections))
	if err != nil {
		return err
	}
	defer store.Close()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	server := newServer(store)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainDuration)
	defer cancel()
	return server.Shutdown(ctx)
}
