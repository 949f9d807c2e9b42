CREATE TABLE users (
    -- Always generated: nobody can take an id that the sequence would give out later.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The service checks the same limits first and names the field; these hold for every other client too.
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    email text NOT NULL CHECK (octet_length(email) BETWEEN 1 AND 254),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- One more with each change: the ETag, by which two writers notice each other.
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0)
);

-- Two addresses that differ in case alone reach the same mailbox nearly everywhere, so they are one here.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
