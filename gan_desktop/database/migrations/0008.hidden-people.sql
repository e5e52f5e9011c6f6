-- People whom the instructor keeps off the leaderboard, as some have reason to wish. Their work counts as before.
ALTER TABLE accounts ADD COLUMN is_hidden boolean NOT NULL DEFAULT false;
