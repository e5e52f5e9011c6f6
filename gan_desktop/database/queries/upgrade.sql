-- Asked before an upgrade, of a class of any version: only columns that were there from the first.

-- name: class
SELECT title, EXISTS (SELECT 1 FROM gan.training_runs
                      WHERE coordinator_lease_end > now() AND coordinator_seen_at > now() - %(away_s)s * interval '1 second')
       AS is_coordinated
FROM gan.class;

-- name: programs
-- Whoever was here in the last four weeks will probably come again.
SELECT w.name, a.display_name AS owner, w.program_version FROM gan.workers AS w JOIN gan.accounts AS a USING (account_id)
WHERE w.last_heartbeat > now() - interval '28 days' AND a.withdrawn_at IS NULL ORDER BY a.display_name, w.name;
