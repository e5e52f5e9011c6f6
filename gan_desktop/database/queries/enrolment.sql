-- Cards that many people use: made, looked at and withdrawn by the coordinator's role.

-- name: add_card
INSERT INTO gan.enrol_cards (login, kind, max_uses, valid_until)
VALUES (%(login)s, %(kind)s, %(max_uses)s,
        coalesce(%(valid_until)s::timestamptz, now() + %(valid_for)s::interval))
RETURNING card_id, login, kind, max_uses, 0 AS num_uses, valid_until, valid_until > now() AS is_in_time;

-- name: cards
SELECT c.card_id, c.login, c.kind, c.max_uses, c.valid_until, c.valid_until > now() AS is_in_time,
       (SELECT count(*) FROM gan.accounts AS a WHERE a.card_id = c.card_id)::integer AS num_uses
FROM gan.enrol_cards AS c WHERE c.withdrawn_at IS NULL ORDER BY c.card_id DESC;

-- name: login_of_card
SELECT login FROM gan.enrol_cards WHERE card_id = %(card_id)s AND withdrawn_at IS NULL;

-- name: withdraw_card
UPDATE gan.enrol_cards SET withdrawn_at = now() WHERE card_id = %(card_id)s AND withdrawn_at IS NULL;

-- name: enrol
-- Asked by the card's own login.
SELECT enrol(%(name)s, %(verifier)s) AS login;
