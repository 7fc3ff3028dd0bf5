-- name: spend
-- Carry out operations on money in their order; see motif.spend.
select motif.spend(%(operations)s::jsonb) as done

-- name: expire
-- Free or settle reservations whose holder never came back, the oldest first.
select motif.expire_reservations(%(most)s) as done
