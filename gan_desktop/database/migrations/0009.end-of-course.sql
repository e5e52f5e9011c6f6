-- The end of a course: which steps of it are done, when, and where what they wrote lies.

CREATE TABLE closing_steps (
    step    text PRIMARY KEY CHECK (step IN ('end', 'credit', 'results', 'archive', 'logins', 'erase', 'move')),
    done_at timestamptz NOT NULL DEFAULT now(),
    -- A path on the computer that did it; of `move`, the address of the new server.
    place   text NOT NULL DEFAULT '' CHECK (length(place) <= 1000)
);
