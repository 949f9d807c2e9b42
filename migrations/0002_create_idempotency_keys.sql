-- What POST /users with an Idempotency-Key has answered, so that a repetition gets the same answer.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY CHECK (octet_length(key) BETWEEN 1 AND 255),
    -- SHA-256 of what makes two requests the same one.
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    -- The answer as it was. No reference to users: it stays true when the user is changed or gone.
    user_id bigint NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Expired keys are found by age.
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Creates a user at most once per key in 24 hours. Gives one row; outcome is
--     0  created: the new user
--     1  replayed: the user as it was created, whatever has become of it
--     2  the key was used for another request (the rest of the row is null)
--     3  a request with this key is still running (the rest of the row is null)
-- A taken e-mail address raises unique_violation (23505), and leaves the key unused.
-- It needs READ COMMITTED, the default: after the lock, the look-up must see what its last holder committed.
CREATE FUNCTION create_user_once(p_key text, p_request_hash bytea, p_name text, p_email text)
RETURNS TABLE (
    outcome smallint,
    id bigint,
    name text,
    email text,
    created_at timestamptz,
    updated_at timestamptz,
    version bigint
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    known idempotency_keys;
BEGIN
    -- Not waited for: the holder may take long, and the client can ask again. Two keys with one
    -- hash disturb each other no more than that.
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_key, 0)) THEN
        outcome := 3;
        RETURN NEXT;
        RETURN;
    END IF;

    -- Each call adds one key at most and removes up to ten, so the table cannot outgrow a day's keys.
    DELETE FROM idempotency_keys
    WHERE key IN (
        SELECT key FROM idempotency_keys
        WHERE created_at < now() - interval '24 hours'
        ORDER BY created_at
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    );

    SELECT * INTO known
    FROM idempotency_keys
    WHERE key = p_key AND created_at >= now() - interval '24 hours';

    IF FOUND AND known.request_hash <> p_request_hash THEN
        outcome := 2;
        RETURN NEXT;
        RETURN;
    END IF;

    IF FOUND THEN
        RETURN QUERY SELECT 1::smallint, known.user_id, known.name, known.email,
            known.created_at, known.created_at, 1::bigint;
        RETURN;
    END IF;

    RETURN QUERY
    WITH created AS (
        INSERT INTO users (name, email) VALUES (p_name, p_email)
        RETURNING id, name, email, created_at, updated_at, version
    ), remembered AS (
        -- The conflict is with an expired key that the DELETE above has not reached.
        INSERT INTO idempotency_keys (key, request_hash, user_id, name, email, created_at)
        SELECT p_key, p_request_hash, created.id, created.name, created.email, created.created_at FROM created
        ON CONFLICT (key) DO UPDATE SET
            request_hash = excluded.request_hash,
            user_id = excluded.user_id,
            name = excluded.name,
            email = excluded.email,
            created_at = excluded.created_at
    )
    SELECT 0::smallint, created.id, created.name, created.email, created.created_at, created.updated_at,
        created.version
    FROM created;
END
$$;
