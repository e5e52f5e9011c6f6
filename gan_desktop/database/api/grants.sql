-- The whole list of what a student and the coordinator may do; nothing else is granted anywhere.
-- {student}, {coordinator}, {enrol}, {api} are roles of this class and the schema of the views. Beside it,
-- registrar.sql lets `enrol` make logins.

GRANT USAGE ON SCHEMA {api} TO {student}, {coordinator}, {enrol};
GRANT SELECT ON workers, leaderboard, work_units, gradients, model_weights, training_runs, training_state,
    loss_history, datasets, dataset_shards, shard_payloads, samples, events, class_info, class_totals,
    messages TO {student}, {coordinator};
GRANT SELECT ON optimizer_state TO {coordinator};

-- A worker's five calls: join, claim, give back, sign of life, leave; and handing in.
GRANT EXECUTE ON FUNCTION
    register_worker(text, uuid, text, text, text, integer, real, real, text),
    claim_work_unit(text, uuid, integer[]),
    release_work_unit(bigint, uuid),
    heartbeat(text, uuid, text, jsonb, bigint[], integer, text, jsonb, integer),
    leave(text, uuid)
    TO {student};
GRANT INSERT ON submissions TO {student};
-- Needed by the views that show a student only his own rows.
GRANT EXECUTE ON FUNCTION is_instructor(), own_account_id(), schema_version() TO {student}, {coordinator};

-- A class card's or room card's login: nothing but this.
GRANT EXECUTE ON FUNCTION enrol(text, text), schema_version() TO {enrol};

-- The coordinator works on the tables themselves, but cannot change their shape.
GRANT USAGE ON SCHEMA gan TO {coordinator};
GRANT SELECT, INSERT, UPDATE, DELETE ON
    gan.accounts, gan.roster, gan.enrol_cards, gan.workers, gan.worker_totals, gan.datasets, gan.dataset_shards,
    gan.shard_payloads, gan.messages,
    gan.training_runs, gan.epoch_cursors, gan.work_units, gan.updates, gan.update_payloads, gan.model_weights,
    gan.optimizer_state, gan.loss_history, gan.samples, gan.events, gan.closing_steps TO {coordinator};
GRANT SELECT, UPDATE ON gan.class TO {coordinator};
GRANT EXECUTE ON FUNCTION gan.return_unit(bigint), gan.shard_order(bigint, integer, integer), gan.is_on_hold(integer),
    gan.require_name(text)
    TO {coordinator};
