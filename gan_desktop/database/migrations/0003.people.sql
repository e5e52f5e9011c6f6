-- People: what the roster says of them, and the cards with which they make their own logins.

-- A card that many people use: a login that may call `enrol` and nothing else (api/functions.sql). How often it
-- was used is the number of accounts that name it.
CREATE TABLE enrol_cards (
    card_id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login        name NOT NULL,
    -- class: everybody types a name of his own; room: the computers of a lab, known by their names.
    kind         text NOT NULL CHECK (kind IN ('class', 'room')),
    max_uses     integer NOT NULL CHECK (max_uses BETWEEN 1 AND 1000),
    valid_until  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz
);
-- A withdrawn card's login is dropped, and its name is free for another.
CREATE UNIQUE INDEX enrol_cards_in_use ON enrol_cards (login) WHERE withdrawn_at IS NULL;

-- `enrol_key` tells a call whose answer was lost from the next person's: the same call, the same account.
ALTER TABLE accounts ADD COLUMN card_id integer REFERENCES enrol_cards, ADD COLUMN enrol_key bytea;
CREATE INDEX accounts_by_card ON accounts (card_id) WHERE card_id IS NOT NULL;

-- What the instructor's list knows, for the credit table. In a table of its own, so that it can be erased
-- while the record of the training stays.
CREATE TABLE roster (
    account_id integer PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    student_id text CHECK (length(student_id) BETWEEN 1 AND 80),
    email      text CHECK (length(email) BETWEEN 1 AND 254),
    section    text CHECK (length(section) BETWEEN 1 AND 80)
);
