-- Everything a worker can ask of the class. Each function runs with its owner's rights
-- (SECURITY DEFINER) and looks first at who is calling: session_user cannot be forged by SET ROLE.
--
-- A refusal is an error of SQLSTATE class GD with a sentence a student can read:
--   GD001 no account          GD002 a value out of bounds      GD003 too many workers or units
--   GD004 device at work elsewhere (a cloned disk)             GD005 replaced by a newer start
--   GD006 a card that is used up or over                       GD007 a name that is taken
--   GD010 the unit went to another computer                    GD011 damaged bytes
--   GD012 impossible figures  GD013 the training takes no more work

CREATE FUNCTION gan.refuse(code text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
END $$;

-- Raised with every change of this folder or of the migrations; schema.py knows the same number.
CREATE FUNCTION schema_version() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2 $$;

-- Is the caller the instructor (the class's coordinator role, its owner, or a superuser)?
CREATE FUNCTION is_instructor() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
    SELECT pg_has_role(session_user, 'gan_coordinator_' || class_id, 'MEMBER') FROM class
$$;

-- The caller's account; NULL for somebody without one.
CREATE FUNCTION own_account_id() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
    SELECT account_id FROM accounts WHERE login = session_user AND withdrawn_at IS NULL
$$;

CREATE FUNCTION gan.require_account() RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    account integer;
BEGIN
    SELECT account_id INTO account FROM accounts WHERE login = session_user AND withdrawn_at IS NULL;
    IF account IS NULL THEN
        PERFORM refuse('GD001', 'This login takes no part in the class any more. Ask your instructor for a new card.');
    END IF;
    RETURN account;
END $$;

-- The caller's worker, locked; refuses other accounts' workers and starts that were replaced.
--
-- Everybody takes locks in the order account, worker, unit, cursor: nobody waits in a circle.
-- NO KEY: rows that only refer to this one can still be written.
CREATE FUNCTION gan.require_worker(the_worker text, the_session uuid) RETURNS gan.workers
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    worker workers;
BEGIN
    SELECT * INTO worker FROM workers
    WHERE worker_id = the_worker AND account_id = require_account() FOR NO KEY UPDATE;
    IF worker.worker_id IS NULL THEN
        PERFORM refuse('GD001', 'This computer is not registered under this login. Start the program again.');
    END IF;
    IF worker.session_id IS DISTINCT FROM the_session THEN
        PERFORM refuse('GD005', 'The same worker was started a second time; this start ends so that the other can work.');
    END IF;
    RETURN worker;
END $$;

-- The training that is going on; when there is none, the newest complete one. For virtual students, and for nobody
-- else, it is the rehearsal.
CREATE FUNCTION gan.run_of_the_class() RETURNS gan.training_runs
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
    SELECT * FROM training_runs
    WHERE status <> 'created' AND deleted_at IS NULL
      AND is_rehearsal = EXISTS (SELECT 1 FROM accounts AS a WHERE a.login = session_user AND a.is_rehearsal)
    ORDER BY (status IN ('running', 'paused')) DESC, run_id DESC LIMIT 1
$$;

-- The course has come to its end, or the class has moved to another server: nobody gets units here any more.
CREATE FUNCTION gan.is_done(the_step text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM closing_steps WHERE step = the_step)
$$;

-- One computer on hold holds its whole account: a new device id is no way out.
CREATE FUNCTION gan.is_on_hold(account integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM worker_totals WHERE account_id = account AND on_hold_reason IS NOT NULL)
$$;

-- ---------------------------------------------------------------------------------------------
-- What people and computers may be called. gan_desktop/names.py has the same rules and their reasons.
-- ---------------------------------------------------------------------------------------------

-- Control characters, characters without a width or for private use, blank letters: a pattern for one of them.
CREATE FUNCTION gan.hidden_characters() RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160'
        || '\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ue000-\uf8ff'
        || '\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3'
        || '\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000f0000-\U0010ffff]'
$$;

-- What a student's program says of its computer, as far as it can be shown; NULL: nothing.
CREATE FUNCTION gan.printable(the_words text, max_length integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = gan, pg_temp AS $$
    SELECT nullif(left(btrim(regexp_replace(the_words, hidden_characters(), '', 'g')), max_length), '')
$$;

-- The name without spaces around it; refuses what could not be shown, or not be seen.
CREATE FUNCTION gan.require_name(the_name text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    shown text := btrim(the_name, U&' \00a0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200a\202f\205f\3000');
BEGIN
    IF shown IS NULL OR length(shown) > 40 OR name_key(shown) = ''
       OR shown ~ hidden_characters() THEN
        PERFORM refuse('GD002', 'A name has 1 to 40 characters, none of them control characters or invisible. '
                                'Choose another name.');
    END IF;
    RETURN shown;
END $$;

-- What two names have in common that people would take for one.
CREATE FUNCTION gan.name_key(the_name text) RETURNS text
LANGUAGE sql STABLE SET search_path = gan, pg_temp AS $$
    SELECT btrim(regexp_replace(lower(regexp_replace(
        -- PostgreSQL normalizes Unicode only.
        CASE WHEN current_setting('server_encoding') = 'UTF8' THEN normalize(the_name, NFKC) ELSE the_name END,
        '[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]', '', 'g')),
        '[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+', ' ', 'g'))
$$;

-- ---------------------------------------------------------------------------------------------
-- enrol: the one call of a class card's or room card's login. Makes an account, returns its login.
-- The caller has made up the password; what he sends is only its verifier (RFC 5803), so that the
-- password is in no log and on no wire.
-- ---------------------------------------------------------------------------------------------
CREATE FUNCTION enrol(the_name text, the_verifier text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    card      enrol_cards;
    account   accounts;
    the_key   bytea := sha256(convert_to(the_verifier, 'UTF8'));
    new_login name := 's_' || left(replace(gen_random_uuid()::text, '-', ''), 12);
BEGIN
    -- Locked: one card's uses are counted one after the other.
    SELECT * INTO card FROM enrol_cards WHERE login = session_user AND withdrawn_at IS NULL FOR NO KEY UPDATE;
    IF card.card_id IS NULL THEN
        PERFORM refuse('GD001', 'This card was withdrawn. Ask your instructor for a new one.');
    END IF;
    SELECT * INTO account FROM accounts
    WHERE card_id = card.card_id AND enrol_key = the_key AND withdrawn_at IS NULL;
    IF account.account_id IS NOT NULL THEN  -- asked again, because the answer was lost
        RETURN account.login;
    END IF;
    IF is_done('end') THEN
        PERFORM refuse('GD006', 'This class has ended: nobody can join it any more.');
    ELSIF is_done('move') THEN
        PERFORM refuse('GD006', 'This class has moved to another server. Ask your instructor for a new card.');
    END IF;
    IF card.valid_until <= now() THEN
        PERFORM refuse('GD006', 'The time of this card is over. Ask your instructor for a new one.');
    END IF;
    the_name := require_name(the_name);
    IF the_verifier IS NULL
       OR the_verifier !~ '^SCRAM-SHA-256\$[0-9]{4,6}:[A-Za-z0-9+/]{16,64}=*\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$' THEN
        PERFORM refuse('GD002', 'That is no password verifier.');
    END IF;

    SELECT * INTO account FROM accounts
    WHERE name_key(display_name) = name_key(the_name) AND withdrawn_at IS NULL ORDER BY account_id LIMIT 1;
    IF account.card_id = card.card_id AND card.kind = 'room' THEN
        -- A computer of the lab that has lost its disk: whoever shows the room's card may be it again.
        IF EXISTS (SELECT 1 FROM workers WHERE account_id = account.account_id AND state <> 'stopped'
                   AND last_heartbeat > now() - interval '1 minute') THEN
            PERFORM refuse('GD007', format('"%s" is at work at this moment. Give this computer another name.', the_name));
        END IF;
        PERFORM make_login(account.login, the_verifier, class_id, 6) FROM class;
        UPDATE accounts SET enrol_key = the_key WHERE account_id = account.account_id;
        RETURN account.login;
    ELSIF account.account_id IS NOT NULL THEN
        PERFORM refuse('GD007', format('"%s" takes part already. Choose another name.', the_name));
    END IF;

    IF (SELECT count(*) FROM accounts WHERE card_id = card.card_id) >= card.max_uses THEN
        PERFORM refuse('GD006', format('This card has been used %s times, and may not be used more often. '
                                       'Ask your instructor for a new one.', card.max_uses));
    END IF;
    -- A person has one computer, with three connections and one more while two starts overlap (accounts.py);
    -- a lab's may have a worker for each of several graphics cards.
    PERFORM make_login(new_login, the_verifier, class_id, CASE card.kind WHEN 'class' THEN 4 ELSE 6 END) FROM class;
    INSERT INTO accounts (login, display_name, card_id, enrol_key) VALUES (new_login, the_name, card.card_id, the_key);
    RETURN new_login;
END $$;

-- ---------------------------------------------------------------------------------------------
-- register_worker: at each start. Returns the worker's id, the same for ever for one device.
-- ---------------------------------------------------------------------------------------------
CREATE FUNCTION register_worker(
    the_device text, the_session uuid, the_name text, the_hostname text, the_gpu text,
    the_cores integer, the_ram_gb real, the_vram_gb real, the_program text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    account integer := require_account();
    known   workers;
BEGIN
    the_name := require_name(the_name);
    the_hostname := printable(the_hostname, 255);
    IF the_device IS NULL OR length(the_device) NOT BETWEEN 1 AND 80 THEN
        PERFORM refuse('GD002', 'The device id has 1 to 80 characters.');
    END IF;
    -- One account's starts are taken one after the other, so that the limits below hold.
    PERFORM 1 FROM accounts WHERE account_id = account FOR NO KEY UPDATE;
    SELECT * INTO known FROM workers WHERE account_id = account AND device_id = the_device FOR NO KEY UPDATE;

    IF known.worker_id IS NOT NULL AND known.session_id <> the_session AND known.state <> 'stopped'
       AND known.last_heartbeat > now() - interval '20 seconds'
       AND known.hostname IS DISTINCT FROM the_hostname THEN
        PERFORM refuse('GD004', 'Another computer is at work with this computer''s identity (a copied disk?).');
    END IF;
    IF (SELECT count(*) FROM workers WHERE account_id = account AND device_id <> the_device
        AND last_heartbeat > now() - interval '2 minutes' AND state <> 'stopped') >= 8 THEN
        PERFORM refuse('GD003', 'This login has 8 computers at work already. Stop one of them first.');
    END IF;
    IF known.worker_id IS NULL THEN
        IF (SELECT count(*) FROM workers WHERE account_id = account) >= 64 THEN
            PERFORM refuse('GD003', 'This login has been used on 64 computers. Ask your instructor for a new card.');
        END IF;
        INSERT INTO workers (worker_id, account_id, device_id, session_id, name)
        VALUES (left(replace(gen_random_uuid()::text, '-', ''), 8), account, the_device, the_session, the_name)
        RETURNING * INTO known;
        INSERT INTO worker_totals (worker_id, account_id) VALUES (known.worker_id, account);
    END IF;
    UPDATE workers SET
        session_id = the_session, name = the_name, hostname = the_hostname, gpu_name = printable(the_gpu, 120),
        cpu_cores = the_cores, ram_gb = the_ram_gb, gpu_vram_gb = the_vram_gb,
        program_version = printable(the_program, 40), state = 'joining', state_detail = '{}', last_heartbeat = now()
    WHERE worker_id = known.worker_id;
    -- An earlier start of this worker is over: what it still held goes back at once.
    IF known.session_id <> the_session THEN
        PERFORM return_units_of(known.worker_id);
    END IF;
    RETURN known.worker_id;
END $$;

-- Gives a unit back as it is: same images, same seed, for whoever asks next. One that nobody could
-- do in 20 attempts (a damaged shard?) is given up, so that it does not stop everybody.
-- Giving back counts as an attempt once for each account, and after that once in half a minute: nobody
-- can use up the class's pictures by taking units and giving them back in a loop.
CREATE FUNCTION gan.return_unit(the_unit bigint) RETURNS void
LANGUAGE sql SET search_path = gan, pg_temp AS $$
    UPDATE work_units AS u
    SET status = CASE WHEN u.num_attempts - again < 20 THEN 'pending' ELSE 'failed' END,
        num_attempts = u.num_attempts - again,
        given_back_by = array_remove(u.given_back_by, account_id) || account_id,
        given_back_at = CASE WHEN again = 1 THEN u.given_back_at ELSE clock_timestamp() END,
        worker_id = NULL, lease_token = NULL, lease_expires_at = NULL, lease_hard_end = NULL, num_images_done = 0
    FROM (SELECT account_id, (account_id = ANY (given_back_by)
                              AND given_back_at > clock_timestamp() - interval '30 seconds')::integer AS again
          FROM work_units JOIN workers USING (worker_id) WHERE id = the_unit) AS held
    WHERE u.id = the_unit AND u.status = 'in_progress'
$$;

-- The same for all that a worker holds. Locked before it is given back: a unit whose lease ran out
-- may be on its way to another worker at this very moment.
CREATE FUNCTION gan.return_units_of(the_worker text) RETURNS void
LANGUAGE sql SET search_path = gan, pg_temp AS $$
    SELECT return_unit(id) FROM (
        SELECT id FROM work_units WHERE worker_id = the_worker AND status = 'in_progress' FOR UPDATE) AS held
$$;

-- ---------------------------------------------------------------------------------------------
-- claim_work_unit: the heart of the queue. One short transaction, no waiting: rows that another
-- claim is looking at are skipped (FOR UPDATE SKIP LOCKED).
-- ---------------------------------------------------------------------------------------------

-- The first `size` images of a list of ranges, or (take_head false) what remains after them.
CREATE FUNCTION gan.cut_ranges(ranges jsonb, size integer, take_head boolean) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = gan, pg_temp AS $$
    WITH numbered AS (
        SELECT ordinality, (r->>'shard_id')::integer AS shard_id, (r->>'epoch')::integer AS epoch,
               (r->>'first')::integer AS first, (r->>'count')::integer AS count,
               (sum((r->>'count')::integer) OVER (ORDER BY ordinality))::integer - (r->>'count')::integer AS before
        FROM jsonb_array_elements(ranges) WITH ORDINALITY AS list(r, ordinality)
    ), cut AS (
        SELECT *, least(greatest(size - before, 0), count) AS head FROM numbered
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'shard_id', shard_id, 'epoch', epoch,
               'first', CASE WHEN take_head THEN first ELSE first + head END,
               'count', CASE WHEN take_head THEN head ELSE count - head END) ORDER BY ordinality), '[]')
    FROM cut WHERE CASE WHEN take_head THEN head > 0 ELSE count > head END
$$;

-- A shard's place in the seeded order of an epoch.
CREATE FUNCTION gan.shard_order(run_seed bigint, epoch integer, shard integer) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = gan, pg_temp AS $$
    SELECT ('x' || left(md5(run_seed || '/' || epoch || '/' || shard), 15))::bit(60)::bigint
$$;

-- Cuts about `size` images from the cursors: shards this worker has on its disk come first. A small
-- set may come round several times in one unit; each of its epochs still uses every image once.
CREATE FUNCTION gan.cut_from_epoch(run gan.training_runs, size integer, cached integer[]) RETURNS jsonb
LANGUAGE plpgsql SET search_path = gan, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    step    integer := (run.config->>'step_batch')::integer;
    ranges  jsonb := '[]';
    missing integer := size;
    cursor_row epoch_cursors;
    take    integer;
BEGIN
    WHILE missing > 0 AND jsonb_array_length(ranges) < 64 LOOP
        SELECT * INTO cursor_row FROM epoch_cursors WHERE run_id = run.run_id
        ORDER BY epoch, shard_id = ANY (cached) DESC, order_key
        LIMIT 1 FOR UPDATE SKIP LOCKED;
        -- More claims at this very moment than shards: with empty hands it is worth the milliseconds.
        -- Not more: somebody may hold a shard in a transaction that he leaves open.
        IF cursor_row.run_id IS NULL AND ranges = '[]' THEN
            BEGIN
                SELECT * INTO cursor_row FROM epoch_cursors WHERE run_id = run.run_id
                ORDER BY epoch, order_key LIMIT 1 FOR UPDATE;
            EXCEPTION WHEN lock_not_available THEN
                RETURN ranges;
            END;
        END IF;
        EXIT WHEN cursor_row.run_id IS NULL;
        take := least(missing, cursor_row.num_images - cursor_row.next_position);
        -- A rest too small for one step goes along instead of becoming a unit of its own.
        IF cursor_row.num_images - cursor_row.next_position - take < step THEN
            take := cursor_row.num_images - cursor_row.next_position;
        END IF;
        ranges := ranges || jsonb_build_object('shard_id', cursor_row.shard_id, 'epoch', cursor_row.epoch,
                                               'first', cursor_row.next_position, 'count', take);
        missing := missing - take;
        IF cursor_row.next_position + take = cursor_row.num_images THEN
            UPDATE epoch_cursors
            SET epoch = epoch + 1, next_position = 0,
                order_key = shard_order((run.config->>'seed')::bigint, epoch + 1, shard_id)
            WHERE run_id = run.run_id AND shard_id = cursor_row.shard_id;
        ELSE
            UPDATE epoch_cursors SET next_position = next_position + take
            WHERE run_id = run.run_id AND shard_id = cursor_row.shard_id;
        END IF;
    END LOOP;
    RETURN ranges;
END $$;

-- About `unit_seconds` of this worker's measured speed, in whole steps.
CREATE FUNCTION gan.unit_size(config jsonb, images_per_second real) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = gan, pg_temp AS $$
    SELECT greatest(1, CASE WHEN images_per_second IS NULL THEN (config->>'first_unit_images')::integer
           ELSE greatest((config->>'min_unit_images')::integer, least((config->>'max_unit_images')::real,
                images_per_second * (config->>'unit_seconds')::real)::integer) END
           / (config->>'step_batch')::integer) * (config->>'step_batch')::integer
$$;

-- outcome: unit | no_training | paused | complete | coordinator_away | on_hold | none_free.
-- All other columns are null unless a unit was given out.
CREATE FUNCTION claim_work_unit(the_worker text, the_session uuid, cached_shards integer[])
RETURNS TABLE (outcome text, unit_id bigint, run_id integer, iteration integer, epoch integer, seed bigint,
               ranges jsonb, num_images integer, lease_token uuid, lease_seconds real, expected_seconds real,
               fresh_moments boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
#variable_conflict use_column
DECLARE
    worker  workers := require_worker(the_worker, the_session);
    run     training_runs := run_of_the_class();
    size    integer;
    unit    work_units;
    cut     jsonb;
    seconds real;
BEGIN
    outcome := CASE
        WHEN is_done('end') THEN 'complete'
        WHEN is_done('move') THEN 'paused'
        WHEN run.run_id IS NULL OR run.current_iteration < 0 THEN 'no_training'
        -- The next training is written down already, and begins when the instructor starts it.
        WHEN run.status = 'complete' AND EXISTS (SELECT 1 FROM training_runs AS next
            WHERE next.status = 'created' AND next.run_id > run.run_id AND NOT next.is_rehearsal) THEN 'no_training'
        WHEN run.status = 'complete' THEN 'complete'
        WHEN run.status = 'paused' THEN 'paused'
        WHEN is_on_hold(worker.account_id) THEN 'on_hold'
        WHEN run.coordinator_seen_at IS NULL OR run.coordinator_seen_at < now() - interval '30 seconds'
            THEN 'coordinator_away'
        -- One unit in work and one prefetched, not more.
        WHEN (SELECT count(*) FROM work_units WHERE worker_id = the_worker AND status = 'in_progress'
              AND lease_expires_at > now()) >= 2 THEN 'none_free'
        -- Not more than 8 workers' worth in one person's hands, however many computers come and go.
        WHEN (SELECT count(*) FROM work_units JOIN workers USING (worker_id) WHERE account_id = worker.account_id
              AND status = 'in_progress' AND lease_expires_at > now()) >= 16 THEN 'none_free'
        -- Nor more than the coordinator comes round to merge.
        WHEN (SELECT count(*) FROM updates WHERE account_id = worker.account_id AND status = 'handed_in') >= 32
            THEN 'none_free'
    END;
    IF outcome IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;

    -- A shard's cursor is locked until the commit, and others wait for it: not for the disk as well. Should
    -- the server crash within the second until this is on its disk, the unit was never given out.
    PERFORM set_config('synchronous_commit', 'off', true);
    size := unit_size(run.config, worker.images_per_second);
    -- First what came back: units given back, or whose lease ran out. Not this worker's own: it may
    -- be computing it at this moment, and its next heartbeat renews the lease.
    SELECT * INTO unit FROM work_units
    WHERE run_id = run.run_id AND num_attempts < 20
      AND (status = 'pending' OR (status = 'in_progress' AND lease_expires_at < now()
                                  AND (worker_id <> the_worker OR lease_hard_end < now())))
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

    IF unit.id IS NULL THEN
        cut := cut_from_epoch(run, size, cached_shards);
        IF cut = '[]' THEN
            outcome := 'none_free';
            RETURN NEXT;
            RETURN;
        END IF;
        INSERT INTO work_units (run_id, iteration, epoch, status, seed, ranges, num_images)
        SELECT run.run_id, run.current_iteration, (cut->0->>'epoch')::integer, 'pending',
               (random() * 2147483647)::bigint, cut, sum((r->>'count')::integer)
        FROM jsonb_array_elements(cut) AS r
        RETURNING * INTO unit;
    ELSIF unit.num_images > 2 * size THEN
        -- A fast computer's unit is too much for this one: it gets the first part.
        PERFORM split_unit(unit.id, size);
        SELECT * INTO unit FROM work_units WHERE id = unit.id;
    END IF;

    -- Half an hour at most: whoever tells of a tiny speed could keep a unit for days.
    seconds := least(1800, coalesce(unit.num_images / nullif(worker.images_per_second, 0),
                                    (run.config->>'unit_seconds')::real));
    UPDATE work_units SET
        status = 'in_progress', worker_id = the_worker, iteration = run.current_iteration,
        lease_token = gen_random_uuid(), num_attempts = num_attempts + 1, num_images_done = 0,
        claimed_at = clock_timestamp(), expected_seconds = seconds,
        lease_expires_at = now() + (run.config->>'lease_seconds')::real * interval '1 second',
        -- The unit that is in work goes first: its time is granted on top. New workers and very
        -- short units get some minutes for downloads.
        lease_hard_end = now() + interval '2 minutes' + interval '1 second' * 4 * (seconds + coalesce(
            (SELECT sum(other.expected_seconds) FROM work_units AS other
             WHERE other.worker_id = the_worker AND other.status = 'in_progress' AND other.id <> unit.id), 0))
    WHERE id = unit.id RETURNING * INTO unit;

    RETURN QUERY SELECT 'unit'::text, unit.id, unit.run_id, unit.iteration, unit.epoch, unit.seed, unit.ranges,
        unit.num_images, unit.lease_token, (run.config->>'lease_seconds')::real, unit.expected_seconds,
        unit.fresh_moments;
END $$;

-- Leaves the first `size` images in the unit; the rest becomes a new pending unit.
CREATE FUNCTION gan.split_unit(the_unit bigint, size integer) RETURNS void
LANGUAGE sql SET search_path = gan, pg_temp AS $$
    INSERT INTO work_units (run_id, iteration, epoch, status, seed, ranges, num_images, fresh_moments, rest_of)
    SELECT run_id, iteration, epoch, 'pending', (random() * 2147483647)::bigint,
           cut_ranges(ranges, size, false), num_images - size, fresh_moments, id
    FROM work_units WHERE id = the_unit AND num_images > size;
    UPDATE work_units SET ranges = cut_ranges(ranges, size, true), num_images = size
    WHERE id = the_unit AND num_images > size;
$$;

-- Gives a unit back untouched: nothing was computed, or too little to be worth sending.
CREATE FUNCTION release_work_unit(the_unit bigint, the_token uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    account integer := require_account();
BEGIN
    -- Locked before it is given back: it may be on its way to another worker at this very moment.
    PERFORM 1 FROM work_units JOIN workers USING (worker_id)
    WHERE id = the_unit AND lease_token = the_token AND account_id = account AND work_units.status = 'in_progress'
    FOR UPDATE OF work_units;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM return_unit(the_unit);
    RETURN true;
END $$;

-- What a worker tells of itself: names with plain values, or nothing. Nested values could be nested so deep
-- that whoever reads them fails.
CREATE FUNCTION gan.plain_values(told jsonb, max_length integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = gan, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(told) IS DISTINCT FROM 'object' OR length(told::text) > max_length THEN '{}'
                WHEN EXISTS (SELECT 1 FROM jsonb_each(told) WHERE jsonb_typeof(value) IN ('object', 'array')) THEN '{}'
                ELSE told END
$$;

-- ---------------------------------------------------------------------------------------------
-- heartbeat: every few seconds. Keeps the leases, tells how it goes, brings back what to do.
-- ---------------------------------------------------------------------------------------------
CREATE FUNCTION heartbeat(
    the_worker text, the_session uuid, the_state text, the_detail jsonb, the_units bigint[],
    images_done integer, the_error text, the_readings jsonb DEFAULT '{}', last_message integer DEFAULT 0
) RETURNS TABLE (run_id integer, run_status text, iteration integer, coordinator_silent_seconds real,
                 lost_units bigint[], is_on_hold boolean, message_ids integer[], messages text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
#variable_conflict use_column
DECLARE
    worker workers := require_worker(the_worker, the_session);
    run    training_runs := run_of_the_class();
    kept   bigint[];
BEGIN
    IF the_state IS NULL OR the_state !~ '^[a-z_]{1,40}$' THEN
        PERFORM refuse('GD002', 'A state is one word of small letters.');
    END IF;
    -- A sign of life is soon followed by the next: it is not worth a write of its own to the disk.
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE workers SET
        last_heartbeat = now(), state = the_state, last_error = left(the_error, 500),
        state_detail = plain_values(the_detail, 2000), readings = plain_values(the_readings, 1000)
    WHERE worker_id = the_worker;

    WITH renewed AS (
        UPDATE work_units SET
            lease_expires_at = least(lease_hard_end, now() + interval '1 second' *
                (SELECT (r.config->>'lease_seconds')::real FROM training_runs AS r WHERE r.run_id = work_units.run_id)),
            num_images_done = CASE WHEN id = the_units[1]
                THEN greatest(0, least(num_images, coalesce(images_done, 0))) ELSE num_images_done END
        WHERE id = ANY (the_units) AND worker_id = the_worker AND status = 'in_progress'
          AND lease_hard_end > now()
        RETURNING id)
    SELECT coalesce(array_agg(id), '{}') INTO kept FROM renewed;

    RETURN QUERY SELECT
        run.run_id, run.status, run.current_iteration,
        extract(epoch FROM now() - run.coordinator_seen_at)::real,
        ARRAY(SELECT unit FROM unnest(the_units) AS unit WHERE unit <> ALL (kept)),
        is_on_hold(worker.account_id), coalesce(array_agg(news.message_id ORDER BY news.message_id), '{}'),
        coalesce(array_agg(news.text ORDER BY news.message_id), '{}')
    FROM (
        SELECT m.message_id, m.text FROM messages AS m
        WHERE (m.account_id IS NULL OR m.account_id = worker.account_id)
          AND m.message_id > last_message AND m.sent_at > now() - interval '1 hour'
        ORDER BY m.message_id DESC LIMIT 20) AS news;
END $$;

-- The worker says goodbye: its name leaves the list of the living at once.
CREATE FUNCTION leave(the_worker text, the_session uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    worker workers := require_worker(the_worker, the_session);
BEGIN
    UPDATE workers SET state = 'stopped', state_detail = '{}', last_heartbeat = now() WHERE worker_id = the_worker;
    PERFORM return_units_of(the_worker);
END $$;

-- ---------------------------------------------------------------------------------------------
-- submissions: a view that can only be inserted into. COPY submissions FROM STDIN lands here, row
-- by row; the bytes travel as they are, not as hexadecimal text.
-- ---------------------------------------------------------------------------------------------
CREATE VIEW submissions AS
    SELECT NULL::bigint AS unit_id, NULL::uuid AS lease_token, NULL::integer AS iteration,
           NULL::text AS codec, NULL::bytea AS sha256, NULL::bytea AS payload,
           NULL::integer AS num_images, NULL::integer AS num_steps,
           NULL::float8 AS loss_g, NULL::float8 AS loss_d, NULL::float8 AS d_real, NULL::float8 AS d_fake,
           NULL::float8 AS check_loss_d, NULL::float8 AS check_loss_g,
           NULL::float8 AS check_norm_d, NULL::float8 AS check_norm_g, NULL::integer AS check_num_images,
           NULL::float8 AS compute_seconds, NULL::boolean AS stopped_early
    WHERE false;

CREATE FUNCTION gan.take_submission() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
DECLARE
    account integer := require_account();
    worker  text;
    unit    work_units;
    run     training_runs;
    known   updates;
    stored  bigint;
    figure  float8;
    step_batch integer;
BEGIN
    -- The worker before its unit, as in every other function: its heartbeat comes at the same time.
    SELECT workers.worker_id INTO worker FROM workers JOIN work_units USING (worker_id)
    WHERE id = NEW.unit_id AND account_id = account FOR NO KEY UPDATE OF workers;
    SELECT * INTO unit FROM work_units WHERE id = NEW.unit_id AND worker_id = worker FOR UPDATE;
    SELECT * INTO known FROM updates WHERE unit_id = NEW.unit_id;
    IF known.account_id = account AND known.sha256 = NEW.sha256 AND unit.lease_token = NEW.lease_token THEN
        RETURN NULL;  -- sent twice, because the first answer was lost on the way
    END IF;
    IF unit.id IS NULL OR unit.status <> 'in_progress' OR unit.lease_token IS DISTINCT FROM NEW.lease_token THEN
        PERFORM refuse('GD010', 'The unit went to another computer, because this one was not heard of for too long.');
    END IF;

    SELECT * INTO run FROM training_runs WHERE run_id = unit.run_id;
    IF run.status = 'complete' AND run.finished_at < now() - interval '10 minutes' THEN
        PERFORM refuse('GD013', 'The training was complete before this unit came in.');
    END IF;
    IF NEW.payload IS NULL OR octet_length(NEW.payload) NOT BETWEEN 1 AND run.max_update_bytes THEN
        PERFORM refuse('GD011', 'The update does not have the size of this network''s updates.');
    END IF;
    IF NEW.sha256 IS NULL OR sha256(NEW.payload) <> NEW.sha256 THEN
        PERFORM refuse('GD011', 'The update was damaged on its way here.');
    END IF;
    step_batch := (run.config->>'step_batch')::integer;
    IF NEW.codec IS NULL OR NEW.codec NOT IN ('fp32', 'fp16', 'int8')
       OR NEW.num_images IS NULL OR NEW.num_images NOT BETWEEN 1 AND unit.num_images
       -- A single image left over joins the last step.
       OR NEW.num_steps IS DISTINCT FROM
          greatest(1, NEW.num_images / step_batch + (NEW.num_images % step_batch > 1)::integer)
       -- Weights older than the newest ones at the claim (the link may be slow) were never asked for.
       OR NEW.iteration IS NULL OR NEW.iteration NOT BETWEEN
          greatest(0, unit.iteration - (run.config->>'max_staleness')::integer) AND run.current_iteration
       OR NEW.check_num_images IS NULL OR NEW.check_num_images NOT BETWEEN 1 AND unit.num_images
       OR NEW.compute_seconds IS NULL OR NOT NEW.compute_seconds BETWEEN 0 AND 864000
       OR NEW.d_real IS NULL OR NOT NEW.d_real BETWEEN 0 AND 1
       OR NEW.d_fake IS NULL OR NOT NEW.d_fake BETWEEN 0 AND 1 OR NEW.stopped_early IS NULL THEN
        PERFORM refuse('GD012', 'The figures of this update cannot be true.');
    END IF;
    FOREACH figure IN ARRAY ARRAY[NEW.loss_g, NEW.loss_d, NEW.check_loss_d, NEW.check_loss_g,
                                  NEW.check_norm_d, NEW.check_norm_g] LOOP
        IF figure IS NULL OR NOT abs(figure) < 1e30 THEN  -- NaN and infinity are larger than any number
            PERFORM refuse('GD012', 'The losses are not finite: this computer''s results cannot be used.');
        END IF;
    END LOOP;
    IF abs(NEW.loss_g) > 1000 OR abs(NEW.loss_d) > 1000 THEN
        PERFORM refuse('GD012', 'The losses are beyond all measure: this computer''s results cannot be used.');
    END IF;
    IF EXISTS (SELECT 1 FROM updates WHERE account_id = account AND sha256 = NEW.sha256
               AND status IN ('counted', 'late')) THEN
        PERFORM refuse('GD012', 'This very update was handed in before.');
    END IF;

    INSERT INTO updates (run_id, unit_id, worker_id, account_id, iteration, num_images, num_steps, codec, num_bytes,
                         sha256, loss_g, loss_d, d_real, d_fake, check_loss_d, check_loss_g, check_norm_d,
                         check_norm_g, check_num_images, compute_seconds, stopped_early)
    VALUES (unit.run_id, unit.id, unit.worker_id, account, NEW.iteration, NEW.num_images, NEW.num_steps, NEW.codec,
            octet_length(NEW.payload), NEW.sha256, NEW.loss_g, NEW.loss_d, NEW.d_real, NEW.d_fake, NEW.check_loss_d,
            NEW.check_loss_g, NEW.check_norm_d, NEW.check_norm_g, NEW.check_num_images, NEW.compute_seconds,
            NEW.num_images < unit.num_images)
    RETURNING update_id INTO stored;
    INSERT INTO update_payloads (update_id, payload) VALUES (stored, NEW.payload);

    -- What was not done of a unit stopped early becomes a unit of its own: no image is lost.
    PERFORM split_unit(unit.id, NEW.num_images);
    UPDATE work_units SET status = 'completed', completed_at = now(), num_images_done = NEW.num_images,
                          lease_expires_at = NULL, lease_hard_end = NULL
    WHERE id = unit.id;
    -- The next unit's size follows the measured speed, half of it new. Never zero, whatever was told.
    UPDATE workers SET images_per_second = greatest(0.01, least(1e6,
        coalesce((images_per_second + NEW.num_images / greatest(NEW.compute_seconds, 0.001)) / 2,
                 NEW.num_images / greatest(NEW.compute_seconds, 0.001))))
    WHERE worker_id = unit.worker_id;
    RETURN NEW;
END $$;

CREATE TRIGGER take_submission INSTEAD OF INSERT ON submissions
    FOR EACH ROW EXECUTE FUNCTION gan.take_submission();
