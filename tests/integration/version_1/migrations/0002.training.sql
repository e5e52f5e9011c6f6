-- One training of one network, and the work it is cut into.

CREATE TABLE training_runs (
    run_id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                  text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    dataset_id            integer NOT NULL REFERENCES datasets,
    -- Everything that decides the training (records.RunConfig): the same for every worker.
    config                jsonb NOT NULL,
    -- An update larger than this cannot be of this network.
    max_update_bytes      integer NOT NULL,
    status                text NOT NULL DEFAULT 'created'
                          CHECK (status IN ('created', 'running', 'paused', 'complete')),
    -- The version number of the published weights; -1 until the first are there.
    current_iteration     integer NOT NULL DEFAULT -1,
    generator_loss        double precision,
    discriminator_loss    double precision,
    d_real                double precision,
    d_fake                double precision,
    total_images          bigint NOT NULL DEFAULT 0,
    -- The coordinator's own lease: whoever holds the token may publish, and nobody else.
    coordinator_token     uuid,
    coordinator_lease_end timestamptz,
    coordinator_seen_at   timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    started_at            timestamptz,
    finished_at           timestamptz
);
-- A class trains one network at a time.
CREATE UNIQUE INDEX one_run_at_a_time ON training_runs ((true)) WHERE status IN ('running', 'paused');

-- How far each shard is given out in its current epoch. A shard that is used up goes on to its next
-- epoch by itself, so that no step of the queue ever waits for the whole epoch to end.
CREATE TABLE epoch_cursors (
    run_id        integer NOT NULL REFERENCES training_runs ON DELETE CASCADE,
    shard_id      integer NOT NULL REFERENCES dataset_shards,
    num_images    integer NOT NULL,
    epoch         integer NOT NULL DEFAULT 0,
    next_position integer NOT NULL DEFAULT 0,
    -- The shard's place in this epoch's seeded order.
    order_key     bigint NOT NULL,
    PRIMARY KEY (run_id, shard_id),
    CHECK (next_position >= 0 AND next_position < num_images)
);

CREATE TABLE work_units (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id           integer NOT NULL REFERENCES training_runs ON DELETE CASCADE,
    -- The newest weights when the unit was given out.
    iteration        integer NOT NULL,
    epoch            integer NOT NULL,
    status           text NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed', 'failed')),
    seed             bigint NOT NULL,
    -- [{"shard_id": 3, "epoch": 0, "first": 512, "count": 256}, ...] in the order of use.
    ranges           jsonb NOT NULL,
    num_images       integer NOT NULL CHECK (num_images > 0),
    fresh_moments    boolean NOT NULL DEFAULT false,
    worker_id        text REFERENCES workers,
    lease_token      uuid,
    lease_expires_at timestamptz,
    -- Whatever the heartbeat says, the lease ends here (4 x the expected time).
    lease_hard_end   timestamptz,
    expected_seconds real,
    num_images_done  integer NOT NULL DEFAULT 0,
    num_attempts     integer NOT NULL DEFAULT 0,
    -- The unit this one is the rest of.
    rest_of          bigint REFERENCES work_units,
    created_at       timestamptz NOT NULL DEFAULT now(),
    claimed_at       timestamptz,
    completed_at     timestamptz
);
-- The queue's two questions: what can be given out, and what does this worker hold?
CREATE INDEX work_units_open ON work_units (run_id, id) WHERE status IN ('pending', 'in_progress');
CREATE INDEX work_units_held ON work_units (worker_id) WHERE status = 'in_progress';

-- One row per uploaded update; seen as the view `gradients`.
CREATE TABLE updates (
    update_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id           integer NOT NULL REFERENCES training_runs ON DELETE CASCADE,
    unit_id          bigint NOT NULL UNIQUE REFERENCES work_units ON DELETE CASCADE,
    worker_id        text NOT NULL REFERENCES workers,
    account_id       integer NOT NULL REFERENCES accounts,
    -- The weights the worker started from.
    iteration        integer NOT NULL,
    num_images       integer NOT NULL,
    num_steps        integer NOT NULL,
    codec            text NOT NULL,
    num_bytes        integer NOT NULL,
    sha256           bytea NOT NULL,
    loss_g           double precision NOT NULL,
    loss_d           double precision NOT NULL,
    d_real           double precision NOT NULL,
    d_fake           double precision NOT NULL,
    check_loss_d     double precision NOT NULL,
    check_loss_g     double precision NOT NULL,
    check_norm_d     double precision NOT NULL,
    check_norm_g     double precision NOT NULL,
    check_num_images integer NOT NULL,
    compute_seconds  double precision NOT NULL,
    stopped_early    boolean NOT NULL,
    -- handed_in -> counted (in time), late (valid, but after its time: credit, no influence),
    -- not_counted (refused, with the reason)
    status           text NOT NULL DEFAULT 'handed_in'
                     CHECK (status IN ('handed_in', 'counted', 'late', 'not_counted')),
    reason           text,
    norm             double precision,
    weight           double precision,
    merged_into      integer,
    -- The clock, not now(): that is when the student's transaction began, perhaps long ago.
    submitted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at       timestamptz
);
CREATE INDEX updates_to_merge ON updates (run_id, update_id) WHERE status = 'handed_in';
CREATE INDEX updates_by_iteration ON updates (run_id, merged_into);
CREATE INDEX updates_by_worker ON updates (worker_id);
-- Is it an update that this account has handed in before?
CREATE INDEX updates_by_content ON updates (account_id, sha256);

-- The bytes of an update, in a table of their own: deleted when merged, and vacuumed eagerly, so
-- that the space is used again and the database does not grow.
CREATE TABLE update_payloads (
    update_id bigint PRIMARY KEY REFERENCES updates ON DELETE CASCADE,
    payload   bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20,
        toast.autovacuum_vacuum_scale_factor = 0.0, toast.autovacuum_vacuum_threshold = 1000);
ALTER TABLE update_payloads ALTER COLUMN payload SET STORAGE EXTERNAL;

-- Published weights: kind live holds G and D, kind ema the averaged G that draws the samples.
CREATE TABLE model_weights (
    run_id        integer NOT NULL REFERENCES training_runs ON DELETE CASCADE,
    iteration     integer NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('live', 'ema')),
    codec         text NOT NULL,
    num_bytes     integer NOT NULL,
    sha256        bytea NOT NULL,
    payload       bytea NOT NULL,
    is_checkpoint boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, iteration, kind)
) WITH (toast.autovacuum_vacuum_scale_factor = 0.0, toast.autovacuum_vacuum_threshold = 1000);
ALTER TABLE model_weights ALTER COLUMN payload SET STORAGE EXTERNAL;

-- What the coordinator needs to go on after a crash: exact weights, moving average, Adam's moments.
-- Only the newest is kept.
CREATE TABLE optimizer_state (
    run_id    integer PRIMARY KEY REFERENCES training_runs ON DELETE CASCADE,
    iteration integer NOT NULL,
    sha256    bytea NOT NULL,
    payload   bytea NOT NULL
) WITH (toast.autovacuum_vacuum_scale_factor = 0.0, toast.autovacuum_vacuum_threshold = 1000);
ALTER TABLE optimizer_state ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE loss_history (
    run_id             integer NOT NULL REFERENCES training_runs ON DELETE CASCADE,
    iteration          integer NOT NULL,
    epoch              integer NOT NULL,
    num_updates        integer NOT NULL,
    num_images         integer NOT NULL,
    generator_loss     double precision,
    discriminator_loss double precision,
    d_real             double precision,
    d_fake             double precision,
    -- Sliced Wasserstein distance x 1000 to the held-out pictures, where it was measured.
    distance           double precision,
    created_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, iteration)
);

-- Grids of fixed-noise faces as PNG.
CREATE TABLE samples (
    run_id     integer NOT NULL REFERENCES training_runs ON DELETE CASCADE,
    iteration  integer NOT NULL,
    png        bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, iteration)
);
ALTER TABLE samples ALTER COLUMN png SET STORAGE EXTERNAL;

-- What happened, for the instructor; public ones for everybody.
CREATE TABLE events (
    event_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     integer REFERENCES training_runs ON DELETE CASCADE,
    worker_id  text REFERENCES workers,
    kind       text NOT NULL,
    message    text NOT NULL,
    is_public  boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_by_time ON events (created_at);
