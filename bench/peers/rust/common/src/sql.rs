//! The service's own statements (`src/postgres/statements.c`) and settings of sessions. All parameters but names and addresses are bigint.

pub const USER_FIND: &str = "SELECT id, name, email, created_at, updated_at, version FROM users WHERE id = $1";

/// After this id; at most so many.
pub const USER_LIST: &str = "SELECT id, name, email, created_at, updated_at, version FROM users \
                             WHERE id > $1 ORDER BY id LIMIT $2";

/// Name; e-mail address.
pub const USER_CREATE: &str = "INSERT INTO users (name, email) VALUES ($1, $2) \
                               RETURNING id, name, email, created_at, updated_at, version";

/// From this id on; at most so many; after so many milliseconds.
pub const LAB_ROWS: &str = "SELECT id, name, email, created_at, updated_at, version FROM users \
                            WHERE id >= $1 AND (SELECT pg_sleep(($3 - 0.5) / 1000.0)) IS NOT NULL \
                            ORDER BY id LIMIT $2";

/// One plan per statement, made once; none is worth compiling.
pub const SESSION_OPTIONS: [(&str, &str); 2] = [("plan_cache_mode", "force_generic_plan"), ("jit", "off")];

/// The same as the startup parameter `options`.
pub fn session_options() -> String {
    SESSION_OPTIONS.map(|(name, value)| format!("-c {name}={value}")).join(" ")
}
