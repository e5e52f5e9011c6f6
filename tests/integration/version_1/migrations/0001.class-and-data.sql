-- The class, its people, its pictures.
--
-- Tables live in schema gan and belong to the class's owner role. Students have no right on any of
-- them: what they may see and do is in api/*.sql.

-- One row: which class this database holds.
CREATE TABLE class (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    class_id        text NOT NULL CHECK (class_id ~ '^[a-z0-9]{4,16}$'),
    title           text NOT NULL CHECK (length(title) BETWEEN 1 AND 80),
    minimum_program text NOT NULL DEFAULT '0.0.0',
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- A student's login. The role's name is opaque (s_4f2a...); people are known by their display name.
CREATE TABLE accounts (
    account_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login        name NOT NULL UNIQUE,
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 40 AND btrim(display_name) <> ''
                 AND display_name !~ '[[:cntrl:]\u0080-\u009f\u2028-\u202e\u2066-\u2069]'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz
);

-- One device of an account. `device_id` is made by the program and stays on that computer's disk;
-- `session_id` is new at each start, so that two starts of one worker notice each other.
CREATE TABLE workers (
    worker_id         text PRIMARY KEY,
    account_id        integer NOT NULL REFERENCES accounts,
    device_id         text NOT NULL CHECK (length(device_id) BETWEEN 1 AND 80),
    session_id        uuid NOT NULL,
    name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 40 AND btrim(name) <> ''
                      AND name !~ '[[:cntrl:]\u0080-\u009f\u2028-\u202e\u2066-\u2069]'),
    hostname          text CHECK (length(hostname) <= 255),
    gpu_name          text CHECK (length(gpu_name) <= 120),
    cpu_cores         integer,
    ram_gb            real,
    gpu_vram_gb       real,
    program_version   text CHECK (length(program_version) <= 40),
    -- The code of the very sentence the student sees, with what fills its gaps.
    state             text NOT NULL DEFAULT 'joining' CHECK (length(state) <= 40),
    state_detail      jsonb NOT NULL DEFAULT '{}' CHECK (length(state_detail::text) <= 2000),
    last_error        text CHECK (length(last_error) <= 500),
    images_per_second real,
    created_at        timestamptz NOT NULL DEFAULT now(),
    last_heartbeat    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, device_id)
);

-- What the coordinator writes of a worker: credit, and what speaks against it. A table of its own,
-- so that a publication never waits for a row that a student's open transaction has locked.
CREATE TABLE worker_totals (
    worker_id        text PRIMARY KEY REFERENCES workers ON DELETE CASCADE,
    account_id       integer NOT NULL,
    num_strikes      integer NOT NULL DEFAULT 0,
    on_hold_reason   text,
    total_work_units bigint NOT NULL DEFAULT 0,
    total_batches    bigint NOT NULL DEFAULT 0,
    total_images     bigint NOT NULL DEFAULT 0,
    total_seconds    double precision NOT NULL DEFAULT 0
);

-- A set of pictures, dealt at random into shards by the instructor's import.
CREATE TABLE datasets (
    dataset_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    image_size  integer NOT NULL,
    num_images  integer NOT NULL,
    fingerprint text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- A tar file of up to 2,048 pictures. Held-out shards are never trained on: they measure quality.
CREATE TABLE dataset_shards (
    shard_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id  integer NOT NULL REFERENCES datasets ON DELETE CASCADE,
    position    integer NOT NULL,
    num_images  integer NOT NULL CHECK (num_images > 0),
    num_bytes   integer NOT NULL,
    sha256      text NOT NULL,
    is_held_out boolean NOT NULL,
    url         text,
    UNIQUE (dataset_id, position)
);

-- A shard's bytes, unless they lie at an https address. EXTERNAL: the pictures are compressed
-- already, and an uncompressed value can be read piece by piece.
CREATE TABLE shard_payloads (
    shard_id integer PRIMARY KEY REFERENCES dataset_shards ON DELETE CASCADE,
    payload  bytea NOT NULL
);
ALTER TABLE shard_payloads ALTER COLUMN payload SET STORAGE EXTERNAL;

-- Words from the instructor, to everybody (account_id is null) or to one.
CREATE TABLE messages (
    message_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer REFERENCES accounts,
    text       text NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    sent_at    timestamptz NOT NULL DEFAULT now()
);
